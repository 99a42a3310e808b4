package mailer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// ledger is the log as the mailer uses it: it reads what holds now and what is done, and
// publishes outcomes.
type ledger struct {
	log     *eventlog.Log
	logger  zerolog.Logger
	metrics metrics
}

// cause is an event that asks for a mail.
type cause struct {
	events.Event
	sequence  uint64 // its place in the log
	delivered uint64 // of the message by which the mailer heard of it: that one, or one that follows from it
	partition int
	follows   string // of a notice to an address until a change: the id of the event that asked for the first mail to it
}

// read makes a cause of a message. It returns an *events.FieldError for one that is none.
func read(m eventlog.Message) (cause, error) {
	event, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return cause{}, err
	}
	route, err := events.ParseSubject(m.Subject)
	if err != nil {
		return cause{}, err
	}
	return cause{Event: event, sequence: m.Sequence, delivered: m.Sequence, partition: route.Partition}, nil
}

// readNotice is read for the notices: a LicenseEmailChanged stands for the fact that
// caused it.
func readNotice(m eventlog.Message) (cause, error) {
	c, err := read(m)
	if changed, is := c.Data.(events.LicenseEmailChanged); is {
		return c.former(m, changed)
	}
	return c, err
}

// former is the cause of the notice to the address until a change.
func (c cause) former(m eventlog.Message, changed events.LicenseEmailChanged) (cause, error) {
	fact := causeOf(m, c)
	if fact.ID == "" || fact.sequence == 0 {
		return cause{}, &events.FieldError{Field: "header " + events.HeaderCauseID, Problem: "names no event that caused it"}
	}
	fact.Data, fact.delivered = formerAddress{changed}, m.Sequence
	return fact, nil
}

// Logger is one for lines about the cause.
func (c cause) Logger(base zerolog.Logger) *zerolog.Logger {
	return eventlog.Logger(base, tracing.About{
		Event: c.EventName(), ID: c.ID, Tenant: c.Extension.Tenant, Extension: c.Extension.Number, Sequence: c.sequence,
	})
}

// subject of an event of the cause's extension; "*" for any.
func (c cause) subject(source, event string) string {
	return events.LogSubject(c.partition, source, c.Extension.Tenant, c.Extension.Number, event)
}

// mailID is the left-hand side of the mail's Message-Id: the event's id and its
// extension, by which a mail that comes back is found. All of it is in the event, so it
// is the same whenever the mail is rendered.
func (c cause) mailID() string { return c.ID + "." + c.Extension.Tenant + "." + c.Extension.Number }

// look reads what a mail is decided from: the record of the extension's mails, and the
// license that holds now, both as of the cause or later.
//
// Most mails are the welcome of an extension's first license, with nothing after it
// in the log. No mail has an outcome before the first license, so one question
// answers all: is the cause the extension's last event?
func (l ledger) look(ctx context.Context, c cause) (r record, now license, err error) {
	if granted, is := c.Data.(events.LicenseGranted); is && granted.Generation == 1 {
		last, err := l.log.LastFrom(ctx, c.subject("*", "*"), c.sequence)
		if err != nil {
			return record{}, license{}, err
		}
		if last != nil && last.Sequence == c.sequence {
			return record{}, license{LicenseGranted: granted, active: true, grant: c.sequence}, nil
		}
	}
	err = l.log.AsOf(ctx, c.delivered, func() (err error) {
		if _, former := c.Data.(formerAddress); former {
			if c.follows, err = l.before(ctx, c); err != nil {
				return err
			}
		}
		if r, err = l.readRecord(ctx, c); err != nil || r.done {
			return err
		}
		now, err = l.license(ctx, c)
		return err
	})
	return r, now, err
}

// before finds the event by which the address until a change came into force: the
// license, or the change before. It is "" when its mail will have no end, for it is a
// dead letter.
func (l ledger) before(ctx context.Context, c cause) (id string, err error) {
	var found events.Recorded
	for from := uint64(1); from < c.delivered; {
		m, err := l.log.NextOf(ctx, from, c.subject(events.License, "*"))
		if err != nil {
			return "", err
		}
		if m == nil || m.Sequence >= c.delivered {
			break
		}
		if e, err := events.Decode(m.Subject, m.Data); err == nil && e.EventName() != (events.LicenseRevoked{}).EventName() {
			found = events.Recorded{Event: e, Sequence: m.Sequence}
		}
		from = m.Sequence + 1
	}
	if found.ID == "" {
		return "", nil
	}
	dead, err := l.log.FindDead(ctx, events.Mailer, found.Sequence)
	if err != nil || dead != nil {
		return "", err
	}
	return found.ID, nil
}

// record reads the record of the extension's mails, as of the cause or later.
func (l ledger) record(ctx context.Context, c cause) (r record, err error) {
	err = l.log.AsOf(ctx, c.delivered, func() (err error) {
		r, err = l.readRecord(ctx, c)
		return err
	})
	return r, err
}

// readRecord reads all that the mailer published about the extension, which is little. It begins at the extension's first and not at the cause, so that a fact that
// was published again after the duplicate window is known too. It ends at the last:
// the server would look through the whole log to find that there is no other.
func (l ledger) readRecord(ctx context.Context, c cause) (record, error) {
	r := record{followed: c.follows == ""}
	last, err := l.log.LastOf(ctx, c.subject(events.Mailer, "*"))
	if err != nil || last == nil {
		return r, err
	}
	for from := uint64(1); from <= last.Sequence; {
		m, err := l.log.NextOf(ctx, from, c.subject(events.Mailer, "*"))
		if err != nil {
			return r, err
		}
		if m == nil { // there is one at last
			return r, fmt.Errorf("%w: no event of the mailer's from sequence %d on, and there is one at %d", eventlog.ErrBehind, from, last.Sequence)
		}
		if published, err := events.Decode(m.Subject, m.Data); err == nil {
			of := m.Header.Get(events.HeaderCauseID)
			r.add(published, c.Event, of == c.ID)
			r.followed = r.followed || of == c.follows && isEnd(published.Data)
		}
		from = m.Sequence + 1
	}
	return r, nil
}

// isEnd tells a mail's end from a step on the way to it, or what came after.
func isEnd(data events.Data) bool {
	switch data.(type) {
	case events.EmailSent, events.EmailFailed, events.EmailSkipped:
		return true
	}
	return false
}

// license reads what holds now. The grant is read first: of a license revoked in
// between one sees the end, never an older license as still in force.
func (l ledger) license(ctx context.Context, c cause) (license, error) {
	granted, err := l.granted(ctx, c)
	if err != nil || granted == nil {
		return license{}, err
	}
	revoked, err := l.log.LastOf(ctx, c.subject(events.License, events.LicenseRevoked{}.EventName()))
	if err != nil {
		return license{}, err
	}
	event, err := events.Decode(granted.Subject, granted.Data)
	if err != nil {
		return license{}, fmt.Errorf("the license at sequence %d: %w", granted.Sequence, err)
	}
	data, ok := event.Data.(events.LicenseGranted)
	if !ok {
		return license{}, fmt.Errorf("the license at sequence %d is a %s", granted.Sequence, event.EventName())
	}
	history := events.LicenseHistory{Granted: granted.Sequence}
	if revoked != nil {
		history.Revoked = revoked.Sequence
	}
	now := license{
		LicenseGranted: data, active: history.InForce(),
		after: granted.Sequence > c.sequence, grant: granted.Sequence,
	}
	err = l.readdress(ctx, c, &now)
	return now, err
}

// readdress gives a license the address that is in force.
func (l ledger) readdress(ctx context.Context, c cause, now *license) error {
	last, err := l.lastChange(ctx, c)
	if err != nil || last == nil {
		return err
	}
	event, err := events.Decode(last.Subject, last.Data)
	if err != nil {
		return fmt.Errorf("the address at sequence %d: %w", last.Sequence, err)
	}
	now.address = last.Sequence
	if changed, is := event.Data.(events.LicenseEmailChanged); is && changed.LicenseID == now.LicenseID {
		now.Email, now.readdressed = changed.Email, last.Sequence > c.delivered
	}
	return nil
}

// lastChange is the extension's last change of an address, nil when there never was one.
func (l ledger) lastChange(ctx context.Context, c cause) (*eventlog.Message, error) {
	switch c.Data.(type) {
	case events.LicenseEmailChanged, formerAddress: // then it is what was delivered, or came later
		return l.log.LastFrom(ctx, c.changes(), c.delivered)
	}
	return l.log.LastOf(ctx, c.changes())
}

// granted is the extension's last license, nil when it never had one.
func (l ledger) granted(ctx context.Context, c cause) (*eventlog.Message, error) {
	if _, is := c.Data.(events.LicenseGranted); is { // then it is the cause, or came later
		return l.log.LastFrom(ctx, c.grants(), c.sequence)
	}
	return l.log.LastOf(ctx, c.grants())
}

// grants is the subject of the extension's licenses.
func (c cause) grants() string {
	return c.subject(events.License, events.LicenseGranted{}.EventName())
}

// changes is the subject of the changes of the extension's addresses.
func (c cause) changes() string {
	return c.subject(events.License, events.LicenseEmailChanged{}.EventName())
}

// outcome encodes a mail's end. Its id derives from the cause's, so that one that is
// published twice is stored once.
func (l ledger) outcome(c cause, data events.Data) (outgoing, error) {
	return publication(c, events.NewOutcome(events.Mailer, c.Event, data))
}

// outgoing is an event of ours, ready to be published.
type outgoing struct {
	*nats.Msg

	data events.Data
}

func publication(c cause, event events.Event) (outgoing, error) {
	body, err := event.Encode()
	if err != nil {
		return outgoing{}, fmt.Errorf("encoding %s: %w", event.EventName(), err)
	}
	m := nats.NewMsg(event.Subject())
	m.Data = body
	m.Header.Set(events.HeaderMsgID, event.ID)
	m.Header.Set(events.HeaderCause, strconv.FormatUint(c.sequence, 10))
	m.Header.Set(events.HeaderCauseID, c.ID)
	return outgoing{m, event.Data}, nil
}

// store publishes a outgoing. The server takes it for a duplicate when its id was used before; ids are made of public
// ones, so whoever uses it first with something else would silence it. What is stored under the id is looked at, and when
// it is not ours the outgoing is published without one: then only the log shows whether one was stored whose acknowledgement was lost.
func (l ledger) store(ctx context.Context, m outgoing) error {
	receipt, err := l.log.Publish(ctx, m.Msg)
	if err != nil || !receipt.Duplicate {
		return err
	}
	stored, err := l.log.Get(ctx, receipt.Sequence)
	if err != nil {
		return err
	}
	if stored != nil && stored.OutcomeOf(events.Mailer) && stored.Name() == m.data.EventName() &&
		stored.Header.Get(events.HeaderCauseID) == m.Header.Get(events.HeaderCauseID) {
		return nil
	}
	l.logger.Warn().Str("id", m.Header.Get(events.HeaderMsgID)).Uint64("sequence", receipt.Sequence).
		Msg("another message has the id of an event of ours: published without the id")
	m.Header.Del(events.HeaderMsgID)
	_, err = l.log.Publish(ctx, m.Msg)
	return err
}

// note stores a step on a mail's way, if it can: the way goes on without it.
func (l ledger) note(ctx context.Context, c cause, step string, data events.Data) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	m, err := publication(c, events.NewStep(events.Mailer, c.Event, step, data))
	if err == nil {
		err = l.store(ctx, m)
	}
	if err != nil {
		c.Logger(l.logger).Warn().Err(err).Str("step", step).Msg("not published; a later attempt will be")
		return
	}
	l.metrics.published(m.data)
}

// publish stores an outcome. It tries until the context ends, because what the outcome says
// has happened. After an error it looks into the log first: the outcome may be stored
// although its acknowledgement was lost, longer ago than the duplicate window. It also does
// so after a sleep, in which another replica may have published one. An outcome that expects
// the license that was read to be the last is [eventlog.ErrBehind] when it is not.
func (l ledger) publish(ctx context.Context, d react.Delivery, c cause, m outgoing) error {
	pauses := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	unsure := !d.Held()
	attempt := func() error {
		if unsure {
			if r, err := l.record(ctx, c); err != nil || r.done {
				return err
			}
		}
		unsure = true
		err := l.store(ctx, m)
		if eventlog.Refused(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	report := func(err error, wait time.Duration) {
		c.Logger(l.logger).Warn().Err(err).Dur("again_in", wait).Msg("the outcome of an e-mail is not stored yet")
	}
	err := backoff.RetryNotify(attempt, backoff.WithContext(pauses, ctx), report)
	switch {
	case eventlog.Refused(err):
		return fmt.Errorf("%w: another license than the one that was read is the last: %w", eventlog.ErrBehind, err)
	case err != nil:
		return errors.Join(errNotPublished, err)
	}
	l.metrics.published(m.data)
	return nil
}

var errNotPublished = errors.New("stopped before the outcome of an e-mail was stored: if it was sent, it will be sent again")
