package mailer

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/ask"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// inputs are the events that the mailer reads.
func inputs() []events.Input {
	return events.Inputs(
		events.LicenseGranted{}, events.LicenseEmailChanged{}, events.WelcomeEmailRequested{}, events.SoftphonePasswordReset{},
	)
}

// Run sends e-mails and answers questions about them until the context ends. It
// returns an error for what it cannot start without; a relay is not among that.
func Run(ctx context.Context, c Config) error {
	conn, err := c.Host.ConnectNATS(ctx, c.NATS, events.Mailer)
	if err != nil {
		return err
	}
	defer func() {
		_ = conn.FlushTimeout(time.Second) // messages that were given back at the end
		conn.Close()
	}()
	log, err := process.OpenLog(ctx, c.Host, conn)
	if err != nil {
		return err
	}
	log.Watch(c.Host.Health.Writes)
	m, err := newMailer(ctx, c, log)
	if err != nil {
		return err
	}
	defer m.client.Close()
	defer m.guard.live()()
	stop, err := ask.Serve(conn, ask.Service{
		Worker: events.Mailer, About: "the e-mails of an extension", Log: c.Host.Log, Metrics: c.Host.Metrics, Answer: m.emails,
		Statistics: func() any { return c.Host.Health.Report() },
	})
	if err != nil {
		return err
	}
	defer stop()
	stopReading, err := m.readBounces(ctx, c.Bounces)
	if err != nil {
		return err
	}
	defer stopReading()
	go m.probe(ctx)
	var noticing sync.WaitGroup
	if sendsNotices(m.brands) {
		noticing.Go(func() { _ = react.Run(ctx, m.noticeReactor(c), m.handleNotice) })
	}
	defer noticing.Wait()
	return react.Run(ctx, m.reactor(c), m.handle)
}

// mailer is one run of the worker.
type mailer struct {
	ledger
	retries retries
	guard   *guard
	brands  *letter.Brands
	client  *delivery.Client
	paused  *pauses
	senders *senders
	notices *notices
	sender  string // of every envelope; "": the address in From
	logger  zerolog.Logger
}

func newMailer(ctx context.Context, c Config, log *eventlog.Log) (*mailer, error) {
	brands, brandErr := letter.Open(c.Mail)
	client, smtpErr := openDelivery(c)
	if err := errors.Join(brandErr, smtpErr); err != nil {
		return nil, &process.ConfigError{Faults: []error{err}}
	}
	bucket, err := openBucket(ctx, c.Host, log.JetStream())
	if err != nil {
		return nil, err
	}
	m := &mailer{
		ledger:  ledger{log: log, logger: c.Host.Log, metrics: newMetrics(c.Host.Metrics)},
		retries: retries{bucket, c.Host.Log}, notices: &notices{bucket: bucket}, brands: brands, client: client,
		paused: &pauses{Health: c.Host.Health}, senders: newSenders(c), sender: c.Bounces.Address, logger: c.Host.Log,
	}
	m.guard = newGuard(bucket, cmp.Or(c.AckWait, react.AckWait), m.breaks)
	return m, nil
}

// breaks counts how often the log could not be reached: the connection was lost, or the
// log had no leader.
func (m *mailer) breaks() uint64 { return m.log.Conn().Stats().Reconnects + m.paused.interruptions() }

func openDelivery(c Config) (*delivery.Client, error) {
	smtp, err := c.SMTP.Config()
	if err != nil {
		return nil, err
	}
	smtp.Waiting = max(0, c.Concurrency-c.SMTP.Connections) * 3 / 4 // the others are for other domains
	smtp.Logger, smtp.Metrics = c.Host.Log, delivery.NewMetrics(c.Host.Metrics)
	return delivery.New(smtp)
}

// Durables are the consumers that setup makes for the mailer.
func Durables() []react.Config {
	return []react.Config{{Durable: events.Mailer, Inputs: inputs()}, {Durable: NoticesDurable, Inputs: noticeInputs()}}
}

func (m *mailer) reactor(c Config) react.Config {
	return react.Config{
		Log: m.log, Durable: events.Mailer, Inputs: inputs(),
		Concurrency: c.Concurrency, Deadline: c.Deadline, MinAttempts: c.MinAttempts,
		AckWait: c.AckWait, Retry: c.Retry, Recover: c.Recover,
		GiveUp: m.giveUp, Postponed: m.postponed,
		Logger: c.Host.Log, Health: m.paused, Metrics: react.NewMetrics(c.Host.Metrics), Tracer: c.Host.Tracer,
	}
}

// noticeReactor is the second reactor, see [NoticesDurable].
func (m *mailer) noticeReactor(c Config) react.Config {
	config := m.reactor(c)
	config.Durable, config.Inputs, config.Concurrency = NoticesDurable, noticeInputs(), noticesAtOnce
	return config
}

// handleNotice handles the one event of a day's device limits that has a notice, and one
// with a published attempt, which must have an end, too. Every change of an address has one.
func (m *mailer) handleNotice(ctx context.Context, d react.Delivery) error {
	c, err := readNotice(d.Message)
	if err != nil {
		return react.Permanent(err)
	}
	if _, former := c.Data.(formerAddress); former {
		return m.handleCause(ctx, d, c)
	}
	mine := m.brands.Sends(c.Extension.Tenant, letter.DeviceLimitReached)
	if mine {
		if mine, err = m.notices.mine(ctx, c, d.Time, d.Delivered); err != nil {
			return err
		}
	}
	if !mine && d.Delivered > 1 {
		before, err := m.record(ctx, c)
		if err != nil {
			return err
		}
		mine = before.deferred > 0
	}
	if !mine {
		return react.Skip()
	}
	return m.handleCause(ctx, d, c)
}

// errOpen: a notice to the address until a change waits.
var errOpen = errors.New("an earlier e-mail to the address has no end yet")

// errBusy: the log has the same fact twice, and the other copy is being handled.
var errBusy = errors.New("the same event is being handled")

func (m *mailer) handle(ctx context.Context, d react.Delivery) error {
	c, err := read(d.Message)
	if err != nil {
		return react.Permanent(err)
	}
	return m.handleCause(ctx, d, c)
}

// handleCause does what the package comment says.
func (m *mailer) handleCause(ctx context.Context, d react.Delivery, c cause) error {
	own := m.guard.begin(c)
	if own == nil {
		return errBusy
	}
	defer own.end(ctx)
	if granted, is := c.Data.(events.LicenseGranted); is {
		if busy := m.client.Full(granted.Email); busy != nil { // a tenant's users are licensed all at once, and have one domain
			return react.Defer(busy, busy.After, react.NotTried)
		}
	}
	before, now, err := m.look(ctx, c)
	if err != nil {
		return err
	}
	if before.done {
		err = react.Skip()
	} else {
		err = m.act(ctx, d, c, own, before, now)
	}
	if (d.Attempt > 1 || before.deferred > 0) && react.Done(err) {
		m.retries.forget(ctx, c)
	}
	return err
}

// act sends the mail or skips it, and publishes the outcome.
func (m *mailer) act(ctx context.Context, d react.Delivery, c cause, own *claim, before record, now license) error {
	p := decide(c.Data, now, before)
	if p.skip == "" && !m.brands.Sends(c.Extension.Tenant, p.kind) {
		p.skip = ReasonNotSent
	}
	switch {
	case p.nothing:
		return react.Skip()
	case p.wait:
		return react.Defer(errOpen, min(max(time.Since(d.Time)/4, time.Second), time.Minute), react.NotTried)
	case p.skip != "":
		return m.skip(ctx, d, c, now, events.EmailSkipped{
			Kind: string(p.kind), LicenseID: p.license.LicenseID, To: p.license.Email, Reason: p.skip,
		})
	}
	return m.send(ctx, d, c, own, p, before.deferred)
}

// skip publishes that no mail is sent. That is final, so it is stored on the condition
// that the license it was decided by is still the last one, or its address. A leader that
// is cut off stores nothing.
func (m *mailer) skip(ctx context.Context, d react.Delivery, c cause, now license, data events.EmailSkipped) error {
	if err := m.conclude(ctx, d, c, data, now.stillLast(c, data.Reason)); err != nil {
		return err
	}
	return react.Skip()
}

// stillLast is the condition of a skip. A message has one: a license that was read too
// early and is not the last one has been replaced, so its mail is to be skipped for
// whatever reason; only its address may be another.
func (l license) stillLast(c cause, reason string) func(outgoing) {
	subject, last := c.grants(), l.grant
	if reason == ReasonRecipientFailed || reason == ReasonEmailChanged {
		subject, last = c.changes(), l.address
	}
	return func(o outgoing) { eventlog.Expect(o.Msg, subject, last) }
}

// conclude publishes an outcome other than EmailSent, on some conditions.
func (m *mailer) conclude(ctx context.Context, d react.Delivery, c cause, data events.Data, conditions ...func(outgoing)) error {
	outcome, err := m.outcome(c, data)
	if err != nil {
		return react.Permanent(err)
	}
	for _, expect := range conditions {
		expect(outcome)
	}
	if err := m.publish(ctx, d, c, outcome); err != nil {
		return err
	}
	switch o := data.(type) {
	case events.EmailFailed:
		m.logger.Warn().EmbedObject(about{d, o.Kind, o.To}).Str("reason", o.Reason).Int("smtp_code", o.SMTPCode).Msg("e-mail failed for good")
	case events.EmailSkipped:
		m.logger.Info().EmbedObject(about{d, o.Kind, o.To}).Str("reason", o.Reason).Msg("e-mail skipped")
	}
	return nil
}

// about is what log lines say of a mail. Its address is masked.
type about struct {
	react.Delivery

	kind, to string
}

// MarshalZerologObject writes it into a line.
func (a about) MarshalZerologObject(line *zerolog.Event) {
	line.EmbedObject(a.About()).Str("kind", a.kind).Str("to", mask(a.to)).Int("attempt", a.Attempt)
}
