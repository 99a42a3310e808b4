package process

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/rs/zerolog"
)

// Ops is the port for operations: /metrics, /healthz and /readyz.
//
// Whoever can reach a loopback address may read all of it. On any other address /metrics wants SOFTPHONE_OPS_TOKEN as a
// bearer token, or a client certificate of an authority in TLS_CA_FILE: it shows how many customers there are and what they
// do. Health is open there, with its reasons: orchestrators and load balancers have no login to show, and whoever is on call
// must not look for one first. A reason names hosts and what to do, never a secret.
type Ops struct {
	// Where /metrics, /healthz and /readyz are served.
	Listen string `env:"SOFTPHONE_OPS_LISTEN" envDefault:"127.0.0.1:9090"`
	// The bearer token of whoever reads /metrics from another machine.
	Token Secret `env:"SOFTPHONE_OPS_TOKEN"`
	// Serve them over TLS, with TLS_CERT_FILE.
	TLS bool `env:"SOFTPHONE_OPS_TLS"`
}

// leastToken is how many characters a token has at least: too many to be tried.
const leastToken = 20

// Validate checks what the types cannot.
func (o Ops) Validate() error {
	faults := []error{CheckAddress("SOFTPHONE_OPS_LISTEN", o.Listen)}
	if n := len(o.Token.Reveal()); n > 0 && n < leastToken {
		faults = append(faults, fmt.Errorf("SOFTPHONE_OPS_TOKEN: has %d characters, and must have %d or more: make one with: openssl rand -hex 20", n, leastToken))
	}
	return errors.Join(faults...)
}

// serve answers until it is closed.
func (o Ops) serve(h *Host, certificates TLS) (*HTTPServer, error) {
	l, err := Listen("SOFTPHONE_OPS_LISTEN", o.Listen)
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if o.TLS {
		scheme = "https"
		encrypted, err := certificates.Serve(l, true, h.Log)
		if err != nil {
			_ = l.Close()
			return nil, err
		}
		l = encrypted
	}
	s := ServeHTTP(l, h.opsHandler(o.reader(l.Addr(), h.Log)))
	h.Log.Info().Str("ops", scheme+"://"+s.Address()).Msg("started")
	return s, nil
}

// reader decides which requests may read the metrics.
func (o Ops) reader(address net.Addr, log zerolog.Logger) func(*http.Request) bool {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return func(*http.Request) bool { return true }
	}
	if o.Token.Empty() && !o.TLS {
		log.Warn().Msg("nobody can read /metrics: SOFTPHONE_OPS_LISTEN is no loopback address, and SOFTPHONE_OPS_TOKEN is not set")
	}
	want := sha256.Sum256([]byte(o.Token.Reveal()))
	return func(r *http.Request) bool {
		if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
			return true
		}
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(token))
		return bearer && !o.Token.Empty() && subtle.ConstantTimeCompare(got[:], want[:]) == 1
	}
}
