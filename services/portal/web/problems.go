package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/services/portal"
)

// unavailable is an error of Redis: nobody can be known without it.
type unavailable struct{ error }

func (u unavailable) Unwrap() error { return u.error }

// away marks what sessions and tokens return, other than that nobody is signed in.
func away(err error) error {
	if err == nil || errors.Is(err, errSignedOut) {
		return err
	}
	return unavailable{err}
}

// problem is a page that says what is in the way.
type problem struct {
	Tone, Icon, Title string
	Text              []string
	Again, Home       string // where to go on
}

// fail answers with the page for an error.
func (s *site) fail(w http.ResponseWriter, r *http.Request, v visitor, err error) {
	var down unavailable
	_, forbidden := errors.AsType[*portal.Forbidden](err)
	many, _ := errors.AsType[*portal.TooMany](err)
	status, p := http.StatusInternalServerError, problem{
		Tone: "bad", Icon: "alert", Title: "Something went wrong here",
		Text: []string{"It is not your fault, and it was written down for whoever looks after this system."}, Home: "/",
	}
	switch {
	case errors.Is(err, errSignedOut):
		http.SetCookie(w, cookie(""))
		code := ""
		if r.Method == http.MethodPost {
			code = "ended"
		}
		wanted(w, r)
		leave(w, r, "/sign-in", code)
		return
	case errors.Is(err, portal.ErrNotFound), forbidden: // what is another tenant's is not there
		status, p = http.StatusNotFound, problem{
			Tone: "", Icon: "search", Title: "There is nothing here",
			Text: []string{"The extension does not exist, or not any more."}, Home: "/",
		}
	case many != nil:
		status, p = http.StatusTooManyRequests, problem{
			Tone: "warn", Icon: "clock", Title: "Too many requests", Text: []string{sentence(many.Error()) + "."}, Home: "/",
		}
		retryAfter(w, many)
	case errors.Is(err, portal.ErrTryAgain), errors.Is(err, errBusy), errors.As(err, &down), errors.Is(err, context.DeadlineExceeded):
		status, p = http.StatusServiceUnavailable, unreachable(r)
		w.Header().Set("Retry-After", "5")
		s.log.Warn().Err(err).Str("path", r.URL.Path).Msg("a page cannot be answered just now")
	default:
		s.log.Error().Err(err).Str("method", r.Method).Str("path", r.URL.Path).Msg("a page failed")
	}
	shown := page{Title: p.Title, Body: p}
	if v.Name != "" {
		shown.Account, shown.Tenant = &v.Administrator, r.PathValue("tenant")
	}
	s.show(w, r, status, "problem", shown)
}

func retryAfter(w http.ResponseWriter, many *portal.TooMany) {
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(many.RetryAfter.Seconds()))))
}

// unreachable is the page while Redis, NATS or a worker is away.
func unreachable(r *http.Request) problem {
	p := problem{
		Tone: "warn", Icon: "clock", Title: "Not just now",
		Text:  []string{"A part of the system does not answer at the moment. Nothing is lost, and trying again is safe."},
		Again: r.URL.RequestURI(),
	}
	if r.Method == http.MethodGet {
		return p
	}
	p.Text = append(p.Text, "Your change may or may not have been made: the page shows which, as soon as it can.")
	p.Again = pageOf(r)
	return p
}

// pageOf is the page that a post came from.
func pageOf(r *http.Request) string {
	switch tenant, number := r.PathValue("tenant"), r.PathValue("extension"); {
	case number != "":
		return extensionURL(tenant, number)
	case tenant != "":
		return listURL(tenant)
	}
	return "/"
}

// refuse answers a post that another site made a browser send.
func (s *site) refuse(w http.ResponseWriter, r *http.Request) {
	if from := r.Header.Get("Origin"); r.URL.Path == "/sign-in" && s.secureAddress() != "" && "https"+strings.TrimPrefix(from, "http") == s.origin {
		s.needsHTTPS(w, r) // it is our own page, through a proxy that takes plain http as well
		return
	}
	s.log.Warn().Str("path", r.URL.Path).Str("origin", fmt.Sprintf("%.200q", r.Header.Get("Origin"))).Msg("a post from another site was refused")
	s.show(w, r, http.StatusForbidden, "problem", page{Title: "Refused", Body: problem{
		Tone: "bad", Icon: "alert", Title: "This came from another site",
		Text: []string{"Changes are made from the pages of this site only. Nothing was changed."}, Home: "/",
	}})
}

func (s *site) nothing(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, visitor{}, portal.ErrNotFound)
}
