package process

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

const (
	// startPatience is how long a start waits for NATS and Redis: long enough for servers that start at the same time,
	// short enough that a wrong address is soon told.
	startPatience  = 5 * time.Second
	connectTimeout = 2 * time.Second
	reconnectWait  = 100 * time.Millisecond

	// A server that went dark, without closing its connections, is noticed after pings unanswered for two intervals:
	// 2 to 3 s. The library's own values would take 4 minutes, and let a write block for one.
	pingInterval   = time.Second
	pingsUnheard   = 2
	flusherTimeout = 2 * time.Second
)

// NATS says where the NATS servers are and who we are to them.
type NATS struct {
	// The NATS servers, separated by commas.
	URL string `env:"NATS_URL" envDefault:"nats://127.0.0.1:4222"`
	// The user to be there.
	User string `env:"NATS_USER"`
	// The password of that user.
	Password Secret `env:"NATS_PASSWORD"`
	TLS      TLS    // for tls:// URLs, and for a server that wants it
}

// Validate checks what the types cannot.
func (n NATS) Validate() error {
	var faults []error
	for server := range strings.SplitSeq(n.URL, ",") {
		if !isServer(strings.TrimSpace(server), "nats", "tls", "ws", "wss") {
			faults = append(faults, badURL("NATS_URL", n.URL, "nats://host:4222", "NATS_USER and NATS_PASSWORD"))
			break
		}
	}
	if strings.ContainsAny(n.User, " \t\r\n.*>") {
		faults = append(faults, fmt.Errorf("NATS_USER: %q has a space or one of . * >, which the subject of its inbox cannot", n.User))
	}
	if n.User == "" && !n.Password.Empty() {
		faults = append(faults, errors.New("NATS_USER: is not set, but NATS_PASSWORD is: set both or neither"))
	}
	return errors.Join(append(faults, checkEncrypted("NATS_URL", n.URL, n.TLS, "tls://"))...)
}

func isServer(address string, schemes ...string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return slices.Contains(schemes, u.Scheme)
}

// badURL does not repeat what the parser said, for that can be a piece of a password.
func badURL(variable, value, example, instead string) error {
	return fmt.Errorf("%s: %q is not a URL like %s; special characters in a user or password must be percent-encoded, or use %s",
		variable, Redact(value), example, instead)
}

// Connect connects and stays connected: it reconnects for ever, and logs each loss and each return once. A server that
// does not answer is tried again for about 5 seconds; then the error says what to check. Options given here come last.
//
// The connection has no reconnect buffer. With one, a publish that returned an error because the server was away would be
// stored when it came back: the caller, who has acted on the error by then, would never know.
//
// A user receives its answers under _INBOX.<user>.>, so that no other user needs, or has, the right to read them.
func (n NATS) Connect(ctx context.Context, name string, log zerolog.Logger, options ...nats.Option) (*nats.Conn, error) {
	options = append(n.options(name, log), options...)
	var nc *nats.Conn
	err := patiently(ctx, func() (err error) {
		nc, err = n.Dial(options...)
		switch {
		case errors.Is(err, nats.ErrAuthorization):
			return backoff.Permanent(ErrRefused)
		case errors.Is(err, ErrTLS): // no certificate becomes another one while a start waits
			return backoff.Permanent(err)
		}
		return err
	})
	where := Redact(n.URL)
	switch {
	case err == nil:
		return nc, nil
	case errors.Is(err, ErrTLS):
		return nil, fmt.Errorf("NATS at %s: %w", where, err)
	case errors.Is(err, ErrRefused):
		return nil, fmt.Errorf("NATS at %s %w: check NATS_USER and NATS_PASSWORD", where, ErrRefused)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("connect to NATS: %w", context.Cause(ctx))
	}
	return nil, fmt.Errorf("NATS at %s is %w: %s: start it, or set NATS_URL", where, ErrUnreachable, oneLine(err))
}

// Dial connects, or fails at once. When TLS is the reason, the error is ErrTLS and says what to do.
func (n NATS) Dial(options ...nats.Option) (*nats.Conn, error) {
	if err := checkEncrypted("NATS_URL", n.URL, n.TLS, "tls://"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	encryption := n.encryption()
	nc, err := nats.Connect(n.URL, append(append(n.login(), encryption.nats), options...)...)
	if fault := encryption.fault(err); fault != nil {
		return nil, fault
	}
	return nc, err
}

// login says who we are. A user may listen to the inboxes of its own name only.
func (n NATS) login() (options []nats.Option) {
	if user := n.user(); user != "" {
		options = append(options, nats.CustomInboxPrefix("_INBOX."+user))
	}
	if n.User != "" {
		options = append(options, nats.UserInfo(n.User, n.Password.Reveal()))
	}
	return options
}

func (n NATS) encryption() *tlsClient { return &tlsClient{TLS: n.TLS, variable: "NATS_URL"} }

func (n NATS) options(name string, log zerolog.Logger) []nats.Option {
	options := []nats.Option{
		nats.Name(name),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsUnheard),
		nats.FlusherTimeout(flusherTimeout),
		nats.ReconnectOnFlusherError(),
		nats.ReconnectBufSize(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.IgnoreAuthErrorAbort(), // a server whose users are being changed may refuse us for a moment
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				log.Warn().Err(err).Msg("connection to NATS lost")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info().Str("url", nc.ConnectedUrlRedacted()).Msg("connected to NATS again")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			e := log.Warn().Err(err)
			if s != nil {
				e = e.Str("subject", s.Subject)
			}
			e.Msg("NATS")
		}),
	}
	return options
}

// user is who we are: NATS_USER, or the user in the URL when it comes with a password; one without is a token.
func (n NATS) user() string {
	u, err := url.Parse(n.URL)
	if n.User != "" || err != nil || u.User == nil {
		return n.User
	}
	if _, withPassword := u.User.Password(); withPassword && !strings.ContainsAny(u.User.Username(), " \t\r\n.*>") {
		return u.User.Username()
	}
	return ""
}

// errClosed ends a process: after some errors of the server the library does not connect again.
var errClosed = errors.New("the connection to NATS is closed for good; a new start connects again")

// lost is why there is no connection, as it is when somebody looks: a certificate may expire while the library tries again.
type lost struct {
	conn       *nats.Conn
	encryption *tlsClient
}

func (l lost) Error() string {
	if fault := l.encryption.fault(l.conn.LastError()); fault != nil {
		return "connection lost: " + fault.Error()
	}
	return "connection lost"
}

// watch adds the connection's state to health, after whatever handlers there are.
func (h *Host) watch(n NATS) nats.Option {
	health := h.Health
	return func(o *nats.Options) error {
		parted, found, closed := o.DisconnectedErrCB, o.ReconnectedCB, o.ClosedCB
		o.DisconnectedErrCB = func(nc *nats.Conn, err error) {
			if parted != nil {
				parted(nc, err)
			}
			health.NotReady("nats", lost{nc, n.encryption()})
		}
		o.ReconnectedCB = func(nc *nats.Conn) {
			if found != nil {
				found(nc)
			}
			health.NotReady("nats", nil)
		}
		o.ClosedCB = func(nc *nats.Conn) {
			if closed != nil {
				closed(nc)
			}
			if nc.LastError() == nil { // we have closed it
				return
			}
			health.Broken("nats", errClosed)
			if h.fail != nil {
				h.fail(errClosed)
			}
		}
		health.NotReady("nats", nil)
		return nil
	}
}

// patiently calls try with growing pauses until it succeeds, gives a backoff.Permanent error, or startPatience is over.
func patiently(ctx context.Context, try func() error) error {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(time.Second),
		backoff.WithMaxElapsedTime(startPatience),
	)
	return backoff.Retry(try, backoff.WithContext(b, ctx))
}
