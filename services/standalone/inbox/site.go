package inbox

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"time"
)

//go:embed page
var files embed.FS

// Nothing on the pages runs, and nothing comes from elsewhere. A mail's HTML may
// bring its own styles and images, and is cut off from everything else; its links
// open in a new tab.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'; " +
		"sandbox allow-popups allow-popups-to-escape-sandbox"
)

// shown is how many mails the page lists.
const shown = 100

type site struct {
	box   *Mailbox
	pages *template.Template
	smtp  string // where mail is caught, for the empty page
}

// Handler serves the page and the API over a mailbox. smtp is the address at which
// mail is caught.
func Handler(box *Mailbox, smtp string) http.Handler {
	s := &site{box: box, smtp: smtp, pages: template.Must(template.New("").Funcs(template.FuncMap{
		"ago": ago, "clock": func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") },
	}).ParseFS(files, "page/*.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /mail/{id}", s.show)
	mux.HandleFunc("GET /mail/{id}/html", s.html)
	mux.HandleFunc("POST /delete", s.clear)
	mux.Handle("GET /style.css", http.HandlerFunc(style))
	mux.HandleFunc("GET /api/v1/messages", s.list)
	mux.HandleFunc("DELETE /api/v1/messages", s.remove)
	mux.HandleFunc("GET /api/v1/message/{id}", s.message)
	mux.HandleFunc("GET /api/v1/message/{id}/raw", s.raw)
	return local(guarded(http.NewCrossOriginProtection().Handler(mux)))
}

// guarded sets what every answer carries.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// local refuses requests for a host name other than localhost: a page elsewhere
// could make its own name point here and read the mails (DNS rebinding).
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if host != "localhost" && net.ParseIP(strings.Trim(host, "[]")) == nil {
			http.Error(w, "open this page as localhost or by its IP address", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *site) index(w http.ResponseWriter, _ *http.Request) {
	mails, total, unread := s.box.List(0, shown)
	w.Header().Set("Refresh", "5") // a mail appears without a click
	s.render(w, "index.html", map[string]any{"Mails": mails, "Total": total, "Unread": unread, "SMTP": s.smtp})
}

func (s *site) show(w http.ResponseWriter, r *http.Request) {
	if m, raw, ok := s.find(w, r); ok {
		s.render(w, "mail.html", map[string]any{"Mail": m, "Body": parseBody(raw), "Date": m.dated(), "Blind": m.blind()})
	}
}

// html is the mail's own page, for the frame.
func (s *site) html(w http.ResponseWriter, r *http.Request) {
	if _, raw, ok := s.find(w, r); ok {
		w.Header().Set("Content-Security-Policy", mailPolicy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		body := parseBody(raw)
		page := strings.Replace(body.page(), "<head>", `<head><base target="_blank">`, 1)
		_, _ = w.Write([]byte(page))
	}
}

func (s *site) clear(w http.ResponseWriter, r *http.Request) {
	if err := s.box.Delete(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// find answers the request itself when there is no such mail.
func (s *site) find(w http.ResponseWriter, r *http.Request) (Summary, []byte, bool) {
	m, raw, err := s.box.Get(r.PathValue("id"))
	switch {
	case errors.Is(err, ErrNoMail):
		http.Error(w, "There is no such mail (any more).", http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	return m, raw, err == nil
}

func (s *site) render(w http.ResponseWriter, page string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = s.pages.ExecuteTemplate(w, page, data) // fails only when the reader is gone: a test renders every page
}

func style(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "page/style.css") }

// ago says a time the way a list wants it.
func ago(t time.Time) string {
	switch d := time.Since(t); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return t.Local().Format("15:04")
	}
	return t.Local().Format("2 January 2006")
}
