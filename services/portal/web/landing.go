package web

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// A page that asks to sign in first is remembered in a cookie: the one-time link is often opened
// from elsewhere, so the address of the sign-in page would lose it.
const landingCookie = "__Host-landing"

// maxLanding is more than any address of ours has; what is longer is forgotten.
const maxLanding = 512

// wanted remembers the page that somebody asked for, or posted from, without being signed in.
func wanted(w http.ResponseWriter, r *http.Request) {
	if byItself(r) {
		return
	}
	to := pageOf(r)
	if r.Method == http.MethodGet && !strings.HasSuffix(r.URL.Path, "/events") {
		to = r.URL.RequestURI()
	}
	if to == "/" || len(to) > maxLanding || !ours(to) {
		return
	}
	http.SetCookie(w, landed(url.QueryEscape(to), int(LinkLife.Seconds())))
}

// landing is where somebody goes who has just signed in: the page that they asked for before, if
// it is a page of theirs, or else the first one. It is asked once.
func (s *site) landing(w http.ResponseWriter, r *http.Request, session string) string {
	c, err := r.Cookie(landingCookie)
	if err != nil {
		return "/"
	}
	http.SetCookie(w, landed("", -1))
	to, err := url.QueryUnescape(c.Value)
	if err != nil || !ours(to) {
		return "/"
	}
	who, err := s.sessions.get(r.Context(), session, false)
	if err != nil || who.Tenant != "" && !within(to, listURL(who.Tenant)) {
		return "/" // another tenant's page, which an administrator before may have asked for, is not there for this one
	}
	return to
}

// ours accepts the path of a page, maybe with a query, and nothing that a browser takes for another
// site: it reads a backslash as a slash, drops tabs and line feeds, and goes to the host behind two
// slashes (https://url.spec.whatwg.org/#relative-state).
func ours(to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	plain := !strings.ContainsFunc(to, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' })
	return plain && path.Clean(u.Path) == u.Path && within(to, "/tenants")
}

// within says whether an address is a page or below it.
func within(to, page string) bool {
	rest, ok := strings.CutPrefix(to, page)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

func landed(to string, seconds int) *http.Cookie {
	return &http.Cookie{
		Name: landingCookie, Value: to, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: seconds,
	}
}
