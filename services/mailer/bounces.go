package mailer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer/bounce"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
)

// Bounces is where delivery status notifications come from. By default nothing
// comes.
type Bounces struct {
	// The envelope's sender, where bounces go. Without it, the address of the sender.
	Address string `env:"MAIL_BOUNCE_ADDRESS"`
	// A Maildir that bounces are delivered into.
	Dir string `env:"MAIL_BOUNCES"`
	// The address, host:port, where bounces are posted to /bounces.
	Listen string `env:"MAIL_BOUNCE_LISTEN"`
	// The bearer token of whoever posts them.
	Secret process.Secret `env:"MAIL_BOUNCE_SECRET"`

	Every time.Duration `env:"-"` // of package bounce; tests shorten it
}

// minSecret is the least length of the bearer token, in characters.
const minSecret = 16

// Validate checks what the types cannot.
func (b Bounces) Validate() error {
	var faults []error
	if b.Address != "" && delivery.CheckAddress(b.Address) != nil {
		faults = append(faults, fmt.Errorf("MAIL_BOUNCE_ADDRESS: %q is not a bare address like bounces@example.com", b.Address))
	}
	if b.Dir != "" {
		if err := (bounce.Maildir{Dir: b.Dir}).Check(); err != nil {
			faults = append(faults, fmt.Errorf("MAIL_BOUNCES: %w", err))
		}
	}
	switch secret := b.Secret.Reveal(); {
	case b.Listen == "" && secret != "":
		faults = append(faults, errors.New("MAIL_BOUNCE_SECRET: is set, but MAIL_BOUNCE_LISTEN is not: set both or neither"))
	case b.Listen == "":
	case len(secret) < minSecret:
		faults = append(faults, fmt.Errorf("MAIL_BOUNCE_SECRET: must have %d characters or more when MAIL_BOUNCE_LISTEN is set: make one with: openssl rand -hex 32", minSecret))
	default:
		faults = append(faults, process.CheckAddress("MAIL_BOUNCE_LISTEN", b.Listen))
	}
	return errors.Join(faults...)
}

// readBounces reads notifications until the returned function is called.
func (m *mailer) readBounces(ctx context.Context, b Bounces) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	stop = func() { cancel(); reading.Wait() }
	if b.Listen != "" {
		listener, err := process.Listen("MAIL_BOUNCE_LISTEN", b.Listen)
		if err != nil {
			cancel()
			return nil, err
		}
		hook := bounce.Hook{Secret: b.Secret.Reveal(), Take: m.bounced, Logger: m.logger}
		server := process.ServeHTTP(listener, hook.Handler())
		reading.Go(func() { <-ctx.Done(); server.Close() })
	}
	if b.Dir != "" {
		maildir := bounce.Maildir{Dir: b.Dir, Every: b.Every, Wait: bounce.DefaultWait, Logger: m.logger}
		if maildir.Every == 0 {
			maildir.Every = bounce.DefaultEvery
		}
		reading.Go(func() { maildir.Run(ctx, m.bounced) })
	}
	return stop, nil
}

// bounced publishes that a mail came back. It is a bounce.Taker: a notification is
// believed when the log says that a mail with its whole Message-Id was sent.
func (m *mailer) bounced(ctx context.Context, n bounce.Notification) error {
	for _, id := range n.MessageIDs {
		found, err := m.mail(ctx, id)
		if err != nil {
			return err
		}
		if found == nil {
			continue
		}
		about, news := n.Of(found.sent.To)
		if !news || found.bounced[about.Action] {
			return nil
		}
		return m.publishBounced(ctx, found, about)
	}
	return m.unknown(ctx)
}

// unknown says that a notification is about no mail that was sent, which is final. It does
// not say so while the log's leader may be cut off from the others.
func (m *mailer) unknown(ctx context.Context) error {
	state, err := m.log.State(ctx)
	if err != nil {
		return err
	}
	if state.Quorum > inTouch {
		return fmt.Errorf("%w: its leader heard from the others %s ago", eventlog.ErrBehind, state.Quorum)
	}
	return bounce.ErrUnknownMail
}

// inTouch is how long ago the log's leader may have heard from the others: three heartbeats.
const inTouch = 3 * time.Second

func (m *mailer) publishBounced(ctx context.Context, found *mailFound, about bounce.Recipient) error {
	data := events.EmailBounced{
		Kind: found.sent.Kind, LicenseID: found.sent.LicenseID, To: found.sent.To, MessageID: found.sent.MessageID,
		Reason: reason(about.Reason), EnhancedCode: about.Enhanced, SMTPCode: answerCode(about.Code), Action: about.Action,
	}
	if data.Reason == "" {
		data.Reason = strings.TrimSpace("no reason given " + about.Enhanced)
	}
	event, err := publication(found.cause, events.NewStep(events.Mailer, found.cause.Event, "bounced/"+about.Action, data))
	if err != nil {
		return err
	}
	if err := m.store(ctx, event); err != nil {
		return err
	}
	m.metrics.published(data)
	m.logger.Warn().Str("event", found.cause.ID).Str("kind", data.Kind).Str("to", mask(data.To)).
		Str("action", data.Action).Str("reason", data.Reason).Msg("e-mail bounced")
	return nil
}

// mailFound is a mail that was sent.
type mailFound struct {
	cause   cause
	sent    events.EmailSent
	bounced map[string]bool // actions published of it
}

// mail finds a mail that was sent by its Message-Id, nil when there is none. The id names
// the extension (see mailID); only the log says that the mail is ours.
func (l ledger) mail(ctx context.Context, id string) (*mailFound, error) {
	x, ok := extensionOf(id)
	if !ok {
		return nil, nil //nolint:nilnil // documented
	}
	subject := events.OutcomesFilter(events.Mailer, x)
	var found *mailFound
	for from := uint64(1); ; {
		m, err := l.log.NextOf(ctx, from, subject)
		if err != nil || m == nil {
			return found, err
		}
		from = m.Sequence + 1
		published, err := read(*m)
		if err != nil {
			continue
		}
		switch data := published.Data.(type) {
		case events.EmailSent:
			if data.MessageID == id && found == nil {
				found = &mailFound{cause: causeOf(*m, published), sent: data, bounced: map[string]bool{}}
			}
		case events.EmailBounced:
			if data.MessageID == id && found != nil {
				found.bounced[data.Action] = true
			}
		}
	}
}

// extensionOf reads whose mail an id is of: <cause.tenant.number@domain>.
func extensionOf(id string) (events.Extension, bool) {
	left, _, _ := strings.Cut(strings.TrimPrefix(id, "<"), "@")
	parts := strings.Split(left, ".")
	if len(parts) != 3 {
		return events.Extension{}, false
	}
	x := events.Extension{Tenant: parts[1], Number: parts[2]}
	return x, x.Validate() == nil
}
