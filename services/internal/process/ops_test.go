package process

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// opsPage asks for a page, with a header or a certificate, and returns the code and the text.
func opsPage(t *testing.T, client *http.Client, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func opsServer(t *testing.T, o Ops, certificates TLS, log io.Writer) *HTTPServer {
	t.Helper()
	h := NewHost(zerolog.New(log))
	h.Health.NotReady("mail", errors.New("mail.example.com says: not you"))
	s, err := o.serve(h, certificates)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// On an address that others can reach, health is for everybody, and the metrics for who has the token.
func TestOpsBeyondLoopback(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef0123"
	s := opsServer(t, Ops{Listen: "0.0.0.0:0", Token: NewSecret(token)}, TLS{}, io.Discard)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Address(), "[::]"), ":")
	at := "http://127.0.0.1:" + port
	for _, c := range []struct {
		path, token string
		code        int
		says, hides string
	}{
		{"/metrics", "", 401, "SOFTPHONE_OPS_TOKEN", "softphone_build_info"},
		{"/metrics", token + "x", 401, "SOFTPHONE_OPS_TOKEN", "softphone_build_info"},
		{"/metrics", token, 200, "softphone_build_info", "\x00"},
		{"/healthz", "", 200, `"status":"not ready"`, "\x00"},
		{"/readyz", "", 503, "mail.example.com says: not you", "\x00"},
	} {
		code, text := opsPage(t, http.DefaultClient, at+c.path, c.token)
		if code != c.code || !strings.Contains(text, c.says) || strings.Contains(text, c.hides) {
			t.Errorf("%s with token %q: %d %.200s", c.path, c.token, code, text)
		}
	}
}

func TestOpsOnLoopback(t *testing.T) {
	t.Parallel()
	s := opsServer(t, Ops{Listen: "127.0.0.1:0"}, TLS{}, io.Discard)
	if code, text := opsPage(t, http.DefaultClient, "http://"+s.Address()+"/metrics", ""); code != 200 || !strings.Contains(text, "softphone_build_info") {
		t.Errorf("metrics: %d", code)
	}
	if _, text := opsPage(t, http.DefaultClient, "http://"+s.Address()+"/readyz", ""); !strings.Contains(text, "not you") {
		t.Errorf("readyz says %s", text)
	}
}

// Without a token nobody is let in, and the log says why.
func TestOpsBeyondLoopbackWithoutToken(t *testing.T) {
	t.Parallel()
	log := &servertest.Lines{}
	s := opsServer(t, Ops{Listen: "0.0.0.0:0"}, TLS{}, log)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Address(), "[::]"), ":")
	if code, _ := opsPage(t, http.DefaultClient, "http://127.0.0.1:"+port+"/metrics", ""); code != 401 {
		t.Errorf("metrics: %d", code)
	}
	if log.Count("SOFTPHONE_OPS_TOKEN is not set") != 1 {
		t.Errorf("logged: %s", log)
	}
}

// A client certificate of the authority is as good as the token, a stranger's is refused, and a renewed certificate of the
// server's is shown at the next connection; one that does not fit is not.
func TestOpsOverTLS(t *testing.T) {
	t.Parallel()
	a, stranger := servertest.NewAuthority(t), servertest.NewAuthority(t)
	cert, key := a.Issue("server")
	log := &servertest.Lines{}
	s := opsServer(t, Ops{Listen: "0.0.0.0:0", TLS: true}, TLS{a.CAFile, cert, key}, log)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Address(), "[::]"), ":")
	at := "https://127.0.0.1:" + port
	client := func(cert, key string) *http.Client {
		config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
		config.RootCAs.AppendCertsFromPEM([]byte(read(t, a.CAFile)))
		if cert != "" {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		return &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	}
	if code, _ := opsPage(t, client("", ""), at+"/metrics", ""); code != 401 {
		t.Errorf("metrics without a certificate: %d", code)
	}
	if code, _ := opsPage(t, client("", ""), at+"/readyz", ""); code != 503 {
		t.Errorf("readyz without a certificate: %d", code)
	}
	if code, text := opsPage(t, client(a.Issue("prometheus")), at+"/metrics", ""); code != 200 || !strings.Contains(text, "softphone_build_info") {
		t.Errorf("metrics with a certificate: %d", code)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/metrics", http.NoBody)
	if response, err := client(stranger.Issue("prometheus")).Do(r); err == nil {
		t.Errorf("metrics with a stranger's certificate: %d", response.StatusCode)
		_ = response.Body.Close()
	}

	serial := func() string {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, client("", "").Transport.(*http.Transport).TLSClientConfig)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	a.Issue("server")
	renewed := serial()
	if renewed == before {
		t.Error("the renewed certificate is not shown")
	}
	if err := os.WriteFile(cert, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != renewed || serial() != renewed {
		t.Errorf("with a broken file: %s, not the last good one", got)
	}
	if log.Count("until this is put right") != 1 {
		t.Errorf("logged: %s", log)
	}
}

// Who is known by an authority that was taken out of TLS_CA_FILE is a stranger at the next connection, also when it
// resumes the session of an earlier one.
func TestOpsForgetsAnAuthority(t *testing.T) {
	t.Parallel()
	a, next := servertest.NewAuthority(t), servertest.NewAuthority(t)
	cert, key := a.Issue("server")
	s := opsServer(t, Ops{Listen: "0.0.0.0:0", TLS: true}, TLS{a.CAFile, cert, key}, io.Discard)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.Address(), "[::]"), ":")
	pair, err := tls.LoadX509KeyPair(a.Issue("prometheus"))
	if err != nil {
		t.Fatal(err)
	}
	resumed := false
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{pair}, ClientSessionCache: tls.NewLRUClientSessionCache(0),
		VerifyConnection: func(s tls.ConnectionState) error { resumed = s.DidResume; return nil },
	}
	config.RootCAs.AppendCertsFromPEM([]byte(read(t, a.CAFile)))
	metrics := func() (int, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1:"+port+"/metrics", http.NoBody)
		response, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, err
	}
	for range 2 {
		if code, err := metrics(); code != http.StatusOK {
			t.Fatalf("metrics: %d, %v", code, err)
		}
	}
	if !resumed {
		t.Error("no session was resumed: the test tries nothing")
	}
	replace(t, next.CAFile, a.CAFile)
	if code, err := metrics(); code == http.StatusOK {
		t.Errorf("metrics for a forgotten authority, %v, session resumed: %t", err, resumed)
	}
}

func TestOpsValidate(t *testing.T) {
	t.Parallel()
	if err := (Ops{Listen: "127.0.0.1:9090", Token: NewSecret("short")}).Validate(); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a token that can be guessed: %v", err)
	}
	if err := (Config{LogLevel: "info", Ops: Ops{TLS: true}}).Validate(); err == nil || !strings.Contains(err.Error(), "TLS_CERT_FILE") {
		t.Errorf("TLS without a certificate: %v", err)
	}
}
