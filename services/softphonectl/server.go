package softphonectl

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

const (
	defaultURL = "nats://127.0.0.1:4222"

	// patience is how long the server may take to accept the connection, or to
	// answer one request.
	patience = 5 * time.Second
)

// server is how to reach NATS.
type server struct {
	url, user, passwordFile string
	password                string // from the environment only
	tls                     process.TLS
	hint                    string // what to say when it is not there
}

// fill takes from the environment what no flag said.
func (s *server) fill(env func(string) string) {
	for value, name := range map[*string]string{
		&s.url: "NATS_URL", &s.user: "NATS_USER", &s.passwordFile: "NATS_PASSWORD_FILE",
		&s.tls.CAFile: "TLS_CA_FILE", &s.tls.CertFile: "TLS_CERT_FILE", &s.tls.KeyFile: "TLS_KEY_FILE",
	} {
		if *value == "" {
			*value = env(name)
		}
	}
	if s.passwordFile == "" {
		s.password = env("NATS_PASSWORD")
	}
}

// connect fails at once when nobody is there: who typed the command can repeat it.
// onRefusal hears of a subject that the user may not publish or listen to, which
// the server reports apart from the call that caused it.
func (s *server) connect(onRefusal func(error)) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("softphonectl"), nats.Timeout(patience),
		// Once connected, a long command outlives a server's restart; what it published
		// meanwhile fails rather than to be stored later.
		nats.MaxReconnects(60), nats.ReconnectWait(500 * time.Millisecond), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				onRefusal(err)
			}
		}),
	}
	config := process.NATS{URL: s.url, User: s.user, TLS: s.tls}
	if s.user != "" {
		password, err := s.secret()
		if err != nil {
			return nil, usageError{err}
		}
		config.Password = process.NewSecret(password)
	}
	if err := s.tls.Validate(); err != nil {
		return nil, usageError{err}
	}
	nc, err := config.Dial(options...)
	switch {
	case errors.Is(err, process.ErrTLS):
		return nil, fmt.Errorf("NATS at %s: %w", redacted(s.url), err)
	case err != nil:
		return nil, fmt.Errorf("NATS at %s: %w%s", redacted(s.url), err, s.hint)
	}
	return nc, nil
}

func (s *server) secret() (string, error) {
	if s.passwordFile == "" {
		return s.password, nil
	}
	content, err := os.ReadFile(s.passwordFile)
	if err != nil {
		return "", fmt.Errorf("the password of NATS user %s: %w", s.user, err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// errNoLeader is what a cluster says in many ways.
var errNoLeader = errors.New("JetStream has no leader: is a majority of its servers there? Nothing can be read or stored until it is")

// leaderless puts an error of JetStream into words for whoever is on call.
func leaderless(err error) error {
	if api, is := errors.AsType[*jetstream.APIError](err); is && api.Code == http.StatusServiceUnavailable {
		return fmt.Errorf("%w (%w)", errNoLeader, err)
	}
	return err
}

// redacted is a server's address without what may be a login in front of it.
func redacted(url string) string {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		scheme, rest = "nats", url
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
}
