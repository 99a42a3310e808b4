package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
)

// page is what the layout shows around a page's own content.
type page struct {
	Title   string
	Class   string   // of the body
	Scripts []string // of static
	Account *Administrator
	Tenant  string
	Inbox   string
	Notice  *notice
	Body    any
}

// notice tells what became of the last click.
type notice struct{ Tone, Icon, Text string }

// pages are the templates, each with the layout.
type pages struct {
	named map[string]*template.Template
	inbox string
}

func newPages(files assets, inbox string) (pages, error) {
	p := pages{named: map[string]*template.Template{}, inbox: inbox}
	layout, err := template.New("").Funcs(template.FuncMap{"static": files.url}).ParseFS(templates, "templates/layout.html")
	if err != nil {
		return p, err
	}
	for _, name := range []string{"extensions", "extension", "history", "delete", "sign-in", "tenants", "problem", "softphone"} {
		clone, err := layout.Clone()
		if err == nil {
			p.named[name], err = clone.ParseFS(templates, "templates/"+name+".html")
		}
		if err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

// show writes a page, or fails before anything is written.
func (s *site) show(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Inbox = s.pages.inbox
	if p.Notice == nil && !byItself(r) {
		p.Notice = takeNotice(w, r)
	}
	var out bytes.Buffer
	if err := s.pages.named[name].ExecuteTemplate(&out, "layout", p); err != nil {
		s.log.Error().Err(err).Str("page", name).Msg("a page cannot be shown")
		http.Error(w, "This page cannot be shown. The log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a reader that is gone needs no page
}

// A notice crosses a redirect as a word in a cookie.
const noticeCookie = "__Host-notice"

func notices(code string) *notice {
	text := map[string]string{
		"saved":   "The name was saved. The softphone shows it by itself.",
		"added":   "The extension was added.",
		"deleted": "The extension was deleted.",
		"off":     "The app was disabled. Every device is signed out.",
		"removed": "The device was removed. Its seat is free.",
		"address": "The e-mail address is set, and the welcome e-mail is on its way to it.",
		"mailed":  "The welcome e-mail is on its way again.",
		"ended":   "You are not signed in any more, and nothing was changed. Sign in, and do it again.",
		"already": "That was done already, with your first click. A password is shown only once: if you did not see it, reset it.",
	}[code]
	switch {
	case text == "":
		return nil
	case code == "already", code == "ended":
		return &notice{"", "alert", text}
	}
	return &notice{"good", "check", text}
}

// leave redirects to a page that says what became of the click.
func leave(w http.ResponseWriter, r *http.Request, to, code string) {
	if code != "" {
		http.SetCookie(w, noticed(code, 60))
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // to is a path of ours
}

func takeNotice(w http.ResponseWriter, r *http.Request) *notice {
	c, err := r.Cookie(noticeCookie)
	if err != nil {
		return nil
	}
	http.SetCookie(w, noticed("", -1))
	return notices(c.Value)
}

func noticed(code string, seconds int) *http.Cookie {
	return &http.Cookie{
		Name: noticeCookie, Value: code, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: seconds,
	}
}
