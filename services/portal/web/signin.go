package web

import (
	"errors"
	"net/http"
	"strings"
)

func (s *site) signInPage(w http.ResponseWriter, r *http.Request) { s.askLink(w, r, http.StatusOK, "") }

func (s *site) askLink(w http.ResponseWriter, r *http.Request, status int, fault string) {
	s.show(w, r, status, "sign-in", page{
		Title: "Sign in", Scripts: []string{"sign-in.js", "page.js"}, Body: map[string]string{"Fault": fault},
	})
}

// signIn takes a one-time link, or only its token.
func (s *site) signIn(w http.ResponseWriter, r *http.Request) {
	if keepsNoSession(r) {
		s.needsHTTPS(w, r)
		return
	}
	link := strings.TrimSpace(r.PostFormValue("link"))
	if _, after, is := strings.Cut(link, "#"); is {
		link = after
	}
	session, err := s.sessions.open(r.Context(), link)
	switch err = away(err); {
	case errors.Is(err, errSignedOut):
		s.askLink(w, r, http.StatusUnauthorized, "This link was used already, or it is too old. Ask for a new one.")
	case err != nil:
		s.fail(w, r, visitor{}, err)
	default:
		s.endSession(r, "the session that a new sign-in replaces stays until it ends by itself")
		http.SetCookie(w, cookie(session))
		http.Redirect(w, r, s.landing(w, r, session), http.StatusSeeOther) //nolint:gosec // landing is a path of ours
	}
}

func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	s.live.end(token(r))
	if err := away(s.sessions.end(r.Context(), token(r))); err != nil {
		s.fail(w, r, visitor{}, err)
		return
	}
	http.SetCookie(w, cookie(""))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// endSession ends the session that a browser had so far, if any.
func (s *site) endSession(r *http.Request, otherwise string) {
	old := token(r)
	if old == "" {
		return
	}
	s.live.end(old)
	if err := s.sessions.end(r.Context(), old); err != nil {
		s.log.Warn().Err(err).Msg(otherwise)
	}
}

func (s *site) softphone(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "softphone", page{Title: "Softphone", Class: "phone-page", Scripts: []string{"softphone.js"}})
}
