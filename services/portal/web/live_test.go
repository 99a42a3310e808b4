package web_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// Who asks for a stream's headers gets them, and that is the end of it.
func TestHeadOfAStream(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, p.server.URL+receptionURL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: p.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}}
	conn, err := dialer.DialContext(t.Context(), "tcp", r.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	if answer := servertest.Exchange(t, conn, r); !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") || !strings.Contains(answer, "\r\nContent-Type: text/event-stream\r\n") {
		t.Error(answer)
	}
}
