package preview

import (
	"net/http"
	"path"
	"strings"

	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// Handler serves the previews. It reads the brands for each page again, so that a reload
// shows a change; if they have faults, it serves those as the page.
func Handler(open func() (*letter.Brands, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this is only to be looked at", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if name == "" {
			name = indexName
		}
		var content []byte
		b, err := open()
		if err == nil {
			content, err = file(b, name)
		}
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		case content == nil:
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", mediaType(name))
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(content)
	})
}

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".eml":
		return "message/rfc822"
	default:
		return "text/plain; charset=utf-8"
	}
}
