package server

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// Browsers are shown the portal's own certificate where there is one, and are not asked for one.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	public, private := servertest.NewAuthority(t), servertest.NewAuthority(t)
	ours, oursKey := private.Issue("portal")
	shown, shownKey := public.Issue("browsers")
	for name, c := range map[string]struct {
		authority *servertest.Authority
		https     HTTPS
	}{
		"a certificate of its own":        {public, HTTPS{On: true, CertFile: shown, KeyFile: shownKey}},
		"that for NATS and Redis as well": {private, HTTPS{On: true}},
	} {
		config := Config{Listen: "127.0.0.1:0", HTTPS: c.https}
		config.TLS, config.Host = process.TLS{CAFile: private.CAFile, CertFile: ours, KeyFile: oursKey}, process.NewHost(zerolog.Nop())
		l, scheme, err := config.listen()
		if err != nil || scheme != "https" {
			t.Fatalf("%s: %s, %v", name, scheme, err)
		}
		server := process.ServeHTTP(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Proto", r.Proto) }))
		defer server.Close()
		pem, err := os.ReadFile(c.authority.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		asked := false
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: roots,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = true
				return &tls.Certificate{}, nil
			},
		}}
		defer transport.CloseIdleConnections()
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+server.Address(), http.NoBody)
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = response.Body.Close()
		if asked || response.Header.Get("Proto") != "HTTP/2.0" {
			t.Errorf("%s: asked for a certificate: %t; %s", name, asked, response.Header.Get("Proto"))
		}
	}
}

func TestHTTPSConfig(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]Config{
		"SOFTPHONE_HTTP_URL: must begin with https://": {URL: "http://p", HTTPS: HTTPS{On: true, CertFile: "c", KeyFile: "k"}},
		"SOFTPHONE_HTTP_CERT_FILE: belongs to":         {URL: "https://p", HTTPS: HTTPS{On: true, CertFile: "c"}},
		"no certificate is":                            {URL: "https://p", HTTPS: HTTPS{On: true}},
		"SOFTPHONE_HTTP_TLS: is not set":               {URL: "https://p", HTTPS: HTTPS{CertFile: "c", KeyFile: "k"}},
	} {
		if err := c.checkHTTPS(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := (Config{URL: "https://p", HTTPS: HTTPS{On: true, CertFile: "c", KeyFile: "k"}}).checkHTTPS(); err != nil {
		t.Error(err)
	}
}
