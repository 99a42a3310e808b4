package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// Config of a [Client]. A zero value means its default, unless its comment says otherwise.
type Config struct {
	Servers   []Server       // in the order of preference; at least one
	LocalName string         // for EHLO; empty: this host's name, or its address when it has no proper one
	Roots     *x509.CertPool // whom to trust; nil: whom the system trusts
	Domains   DomainLimits
	Waiting   int     // mails to one domain that may wait for a place (queueTimeout); 0: none
	Rate      float64 // mails a second, to each server; 0: no limit
	Keys      []Key   // DKIM; none: mails are not signed

	Reuse    Reuse
	Cooldown Cooldown
	Timeouts Timeouts
	Logger   zerolog.Logger
	Metrics  *Metrics // may be nil
}

// Client hands mails to the first server that takes them. It is safe for
// concurrent use.
type Client struct {
	relays  []*relay
	domains *domains
	keys    keys
	logger  zerolog.Logger
	metrics *Metrics
}

// New checks the configuration. It opens no connection.
func New(c Config) (*Client, error) {
	if len(c.Servers) == 0 {
		return nil, errors.New("SMTP_URL: names no server")
	}
	if err := checkName(c.LocalName); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	client := &Client{
		domains: newDomains(c.Domains, c.Reuse.Connections, c.Waiting), keys: c.Keys, logger: c.Logger, metrics: c.Metrics,
	}
	for _, server := range c.Servers {
		client.relays = append(client.relays, c.relay(server))
	}
	return client, nil
}

func (c Config) withDefaults() Config {
	if c.Timeouts == (Timeouts{}) {
		c.Timeouts = DefaultTimeouts()
	}
	if c.Cooldown == (Cooldown{}) {
		c.Cooldown = DefaultCooldown()
	}
	fallback := DefaultReuse()
	for _, n := range []struct{ value, otherwise *int }{
		{&c.Reuse.Connections, &fallback.Connections}, {&c.Reuse.Mails, &fallback.Mails},
	} {
		if *n.value == 0 {
			*n.value = *n.otherwise
		}
	}
	for _, d := range []struct{ value, otherwise *time.Duration }{
		{&c.Reuse.Idle, &fallback.Idle}, {&c.Reuse.Trust, &fallback.Trust},
	} {
		if *d.value == 0 {
			*d.value = *d.otherwise
		}
	}
	return c
}

func (c Config) relay(server Server) *relay {
	d := dialer{
		Server: server, timeouts: c.Timeouts, localName: c.LocalName, roots: c.Roots,
		sessions: tls.NewLRUClientSessionCache(0),
	}
	limit := rate.Inf
	if c.Rate > 0 {
		limit = rate.Limit(c.Rate)
	}
	counts := meter{c.Metrics, server.Addr()}
	counts.down(false)
	return &relay{
		pool:     newPool(d, c.Reuse, counts),
		cooldown: cooldown{pauses: c.Cooldown.pauses()},
		limiter:  rate.NewLimiter(limit, max(1, int(c.Rate))),
	}
}

// Receipt is the answer of the server that took a mail.
type Receipt struct {
	Server  string // host:port
	Code    int    // 250
	Text    string // the text of the answer, one line
	QueueID string // under which the server knows the mail; may be empty
}

// Full returns the [*Busy] that Send would return for a mail to an address now, or nil. To ask before rendering the
// mail saves the rendering.
func (c *Client) Full(to string) *Busy {
	to, err := wire(to)
	if err != nil {
		return nil //nolint:nilerr // Send says why
	}
	busy := c.domains.full(domainOf(to))
	if busy != nil {
		c.metrics.busy()
	}
	return busy
}

// Send returns no error exactly when a server took responsibility for the mail: it answered the final dot with 250.
// What happens to the connection after that does not matter. Every other end is a [*Failure], a [*Busy], or the
// context's error. When the context ends the connection is closed at once, in any stage; a mail whose final dot was
// sent may have been accepted nevertheless.
//
// The servers are tried in their order. The next one is tried only when one cannot be reached or refuses us: never
// after an answer about the mail itself, and never when the mail was sent whole. Such a server is marked down for a
// while. When all are down, each is tried nevertheless, so the caller should back off between such attempts.
func (c *Client) Send(ctx context.Context, mail Envelope) (Receipt, error) {
	mail, err := mail.prepared()
	if err != nil {
		return Receipt{}, err
	}
	if mail.Bytes, err = c.keys.sign(mail.Bytes); err != nil {
		return Receipt{}, &Failure{Stage: stageBody, Verdict: Final, Err: err}
	}
	leave, err := c.domains.enter(ctx, domainOf(mail.To))
	if err != nil {
		if ctx.Err() == nil {
			c.metrics.busy()
		}
		return Receipt{}, err
	}
	defer leave()
	receipt, err := c.offer(ctx, mail)
	if err != nil && ctx.Err() != nil {
		return Receipt{}, fmt.Errorf("canceled: %w", context.Cause(ctx))
	}
	return receipt, err
}

// offer tries the servers that are not down, and when all are, each of them.
func (c *Client) offer(ctx context.Context, mail Envelope) (Receipt, error) {
	receipt, asked, err := c.among(ctx, mail, (*relay).allow)
	if !asked {
		receipt, _, err = c.among(ctx, mail, func(*relay) bool { return true })
	}
	return receipt, err
}

// among tries the servers that may be tried, until one answers for good. That some do not offer SMTPUTF8 is temporary
// while another could not be asked. That one refuses the sender stands, when the others cannot be reached.
func (c *Client) among(ctx context.Context, mail Envelope, may func(*relay) bool) (receipt Receipt, asked bool, err error) {
	var unable int
	var senderRefused error
	for _, r := range c.relays {
		if !may(r) {
			continue
		}
		asked = true
		if receipt, err = c.try(ctx, r, mail); !elsewhere(ctx, err) {
			return receipt, asked, err
		}
		switch {
		case errors.Is(err, errNoSMTPUTF8):
			unable++
		case judged(err, SenderRefused):
			senderRefused = err
		}
	}
	switch {
	case senderRefused != nil:
		err = senderRefused
	case 0 < unable && unable < len(c.relays):
		err = &Failure{Stage: stageConnect, Verdict: Temporary, Err: errAwaitSMTPUTF8}
	}
	return receipt, asked, err
}

// elsewhere reports whether another server may take what this one did not.
func elsewhere(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && (blame(err) || judged(err, SenderRefused) || errors.Is(err, errNoSMTPUTF8))
}

// try offers a mail to one server, and marks the server up or down according to the result.
func (c *Client) try(ctx context.Context, r *relay, mail Envelope) (Receipt, error) {
	within, step := tracing.Call(ctx, "send e-mail", r.Addr())
	receipt, err := r.send(within, mail)
	step.End(err)
	if failure, judged := errors.AsType[*Failure](err); judged {
		failure.Server = r.Addr()
	}
	switch {
	case err != nil && ctx.Err() != nil, errors.Is(err, errClosed):
		r.inconclusive()
	case blame(err):
		if pause := r.markDown(); pause > 0 {
			r.meter.down(true)
			logger := c.about(r.Addr(), err)
			logger.Warn().Dur("again_in", pause).Msg("mail server marked down")
		}
	default:
		if r.markUp() {
			r.meter.down(false)
			c.logger.Info().Str("server", r.Addr()).Msg("mail server marked up")
		}
	}
	return receipt, err
}

// about is the logger for what a server did. From MAIL on it leaves out the server's text, which may repeat an
// address.
func (c *Client) about(server string, err error) zerolog.Logger {
	line := c.logger.With().Str("server", server)
	if failure, judged := errors.AsType[*Failure](err); judged {
		line = line.Stringer("stage", failure.Stage).Int("smtp_code", failure.Code).Str("enhanced_code", failure.Enhanced)
		if failure.Stage < stageMAIL {
			line = line.Str("reason", failure.Error())
		}
	}
	return line.Logger()
}

// Close ends idle connections, and waits at most a second for a server. Mails under way go on, and their connections
// end after them.
func (c *Client) Close() {
	for _, r := range c.relays {
		r.close()
	}
}
