package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/security"
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
	session, who, err := s.sessions.open(r.Context(), link)
	switch err = away(err); {
	case errors.Is(err, errSignedOut):
		s.record(r, security.AdministratorSignIn, security.Unknown, portal.Actor{})
		s.askLink(w, r, http.StatusUnauthorized, "This link was used already, or it is too old. Ask for a new one.")
	case err != nil:
		s.fail(w, r, visitor{}, err)
	default:
		s.endSession(r, "the session that a new sign-in replaces stays until it ends by itself")
		s.record(r, security.AdministratorSignIn, security.Success, who.Actor(sessionID(session)))
		http.SetCookie(w, cookie(session))
		http.Redirect(w, r, s.landing(w, r, session), http.StatusSeeOther) //nolint:gosec // landing is a path of ours
	}
}

func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	s.live.end(token(r))
	who := s.whose(r)
	if err := away(s.sessions.end(r.Context(), token(r))); err != nil {
		s.fail(w, r, visitor{}, err)
		return
	}
	if who.Kind != "" {
		s.record(r, security.AdministratorSignOut, security.Success, who)
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
	who := s.whose(r)
	if err := s.sessions.end(r.Context(), old); err != nil {
		s.log.Warn().Err(err).Msg(otherwise)
		return
	}
	if who.Kind != "" {
		s.record(r, security.AdministratorSignOut, security.Replaced, who)
	}
}

// whose is who has the session of a request; the zero Actor when there is none, or none that is known just now.
func (s *site) whose(r *http.Request) portal.Actor {
	who, err := s.sessions.get(r.Context(), token(r), false)
	if err != nil {
		return portal.Actor{}
	}
	return who.Actor(sessionID(token(r)))
}

// record writes down what an administrator did at the door.
func (s *site) record(r *http.Request, what, result string, who portal.Actor) {
	from, _ := s.clients.Address(r)
	s.security.Record(security.Event{
		What: what, Result: result, From: from, Tenant: who.Tenant, Actor: events.Actor{Kind: who.Kind, ID: who.ID, Name: who.Name},
	})
}

func (s *site) softphone(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusOK, "softphone", page{Title: "Softphone", Class: "phone-page", Scripts: []string{"softphone.js"}})
}
