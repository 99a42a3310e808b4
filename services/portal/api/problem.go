package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
)

// problems is what the types of problems begin with.
const problems = "https://mycloudpbx.com/problems/"

var (
	errPath   = errors.New("there is nothing at this address")
	errMethod = errors.New("this address does not take this method")
	errMedia  = errors.New("the body must be JSON: Content-Type: application/json")
)

// Problem is an error as RFC 9457 has it, with what some kinds add.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`

	Field string `json:"field,omitempty"` // invalid: which

	Used    *int      `json:"used,omitempty"` // device-activation-limit-reached
	Limit   *int      `json:"limit,omitempty"`
	Devices *[]device `json:"devices,omitempty"`

	Who  string     `json:"who,omitempty"` // changed-meanwhile
	What string     `json:"what,omitempty"`
	When *time.Time `json:"when,omitempty"`

	retry time.Duration // Retry-After
}

// known is the table of errors that need no more than themselves to tell.
func known() []struct {
	err         error
	status      int
	kind, title string
} {
	return []struct {
		err         error
		status      int
		kind, title string
	}{
		{portal.ErrTryAgain, http.StatusServiceUnavailable, "try-again", "Try Again"},
		{portal.ErrUnauthorized, http.StatusUnauthorized, "unauthorized", "Unauthorized"},
		{portal.ErrNotFound, http.StatusNotFound, "not-found", "Not Found"},
		{portal.ErrNotEnabled, http.StatusConflict, "not-enabled", "Softphone Not Enabled"},
		{portal.ErrExists, http.StatusConflict, "changed-meanwhile", "Changed Meanwhile"},
		{access.ErrUnknown, http.StatusUnauthorized, "unauthorized", "Unauthorized"},
		{access.ErrEnded, http.StatusUnauthorized, "unauthorized", "Unauthorized"},
		{errPath, http.StatusNotFound, "not-found", "Not Found"},
		{errMethod, http.StatusMethodNotAllowed, "method-not-allowed", "Method Not Allowed"},
		{errMedia, http.StatusUnsupportedMediaType, "unsupported-media-type", "Unsupported Media Type"},
	}
}

// problemOf says what an error is to a caller. What is not known is told as a fault
// of the server, without its text.
func problemOf(err error) Problem {
	if limit, ok := errors.AsType[*portal.LimitReached](err); ok {
		p := problem(http.StatusForbidden, "device-activation-limit-reached", "Device Activation Limit Reached")
		p.Detail = "Every seat of the license is taken. Remove one of its devices, or ask an administrator to."
		devices := devicesOf(limit.Devices)
		p.Used, p.Limit, p.Devices = &limit.Used, &limit.Limit, &devices
		return p
	}
	if conflict, ok := errors.AsType[*portal.Conflict](err); ok {
		p := problem(http.StatusConflict, "changed-meanwhile", "Changed Meanwhile")
		when := conflict.When.UTC()
		p.Detail, p.Who, p.What, p.When = conflict.Error(), conflict.Who.String(), conflict.What, &when
		return p
	}
	if forbidden, ok := errors.AsType[*portal.Forbidden](err); ok {
		p := problem(http.StatusForbidden, "forbidden", "Forbidden")
		p.Detail = forbidden.Error()
		return p
	}
	if many, ok := errors.AsType[*portal.TooMany](err); ok {
		p := problem(http.StatusTooManyRequests, "too-many-requests", "Too Many Requests")
		switch many.Of {
		case portal.OfFailedSignIns:
			p = problem(http.StatusTooManyRequests, "too-many-sign-ins", "Too Many Failed Sign-Ins")
		case portal.OfSignIns:
			p = problem(http.StatusTooManyRequests, "too-many-sign-ins", "Too Many Sign-Ins")
		}
		p.Detail, p.retry = many.Error(), many.RetryAfter
		return p
	}
	if field, ok := errors.AsType[*events.FieldError](err); ok {
		p := problem(http.StatusBadRequest, "invalid", "Invalid Request")
		p.Detail, p.Field = field.Error(), field.Field
		return p
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		p := problem(http.StatusRequestEntityTooLarge, "too-large", "Request Too Large")
		p.Detail = "at most " + strconv.FormatInt(large.Limit, 10) + " bytes are taken"
		return p
	}
	for _, k := range known() {
		if errors.Is(err, k.err) {
			p := problem(k.status, k.kind, k.title)
			p.Detail = k.err.Error()
			if k.status == http.StatusServiceUnavailable {
				p.retry = time.Second
			}
			return p
		}
	}
	return problem(http.StatusInternalServerError, "internal", "Internal Error")
}

func problem(status int, kind, title string) Problem {
	return Problem{Type: problems + kind, Title: title, Status: status}
}

// problem answers with one.
func (a *api) problem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	switch {
	case r.Context().Err() != nil: // nobody is there to tell
	case p.Status >= http.StatusInternalServerError:
		a.Log.Warn().Err(err).Str("method", r.Method).Str("route", r.Pattern).Msg("a request could not be answered")
	}
	if p.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retry.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="softphone"`)
	}
	write(w, p.Status, "application/problem+json", p)
}

// write answers with JSON.
func write(w http.ResponseWriter, status int, media string, body any) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that went away is no concern of ours
}

// reply answers with the ordinary JSON.
func reply(w http.ResponseWriter, status int, body any) error {
	write(w, status, "application/json", body)
	return nil
}

// done answers that there is nothing to say.
func done(w http.ResponseWriter, status int) error {
	w.WriteHeader(status)
	return nil
}
