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
)

// ledger is the log as the mailer uses it: what holds now, what is done, and
// where to say so.
type ledger struct {
	log    *eventlog.Log
	logger zerolog.Logger
}

// cause is an event that asks for a mail.
type cause struct {
	events.Event
	sequence  uint64
	partition int
}

// read makes a cause of a message. A message that is none is a *events.FieldError.
func read(m eventlog.Message) (cause, error) {
	event, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return cause{}, err
	}
	route, err := events.ParseSubject(m.Subject)
	if err != nil {
		return cause{}, err
	}
	return cause{Event: event, sequence: m.Sequence, partition: route.Partition}, nil
}

// subject of an event of the cause's extension; "*" for any.
func (c cause) subject(source, event string) string {
	return events.LogSubject(c.partition, source, c.Extension.Tenant, c.Extension.Number, event)
}

// told says whether the cause has its outcome.
func (l ledger) told(ctx context.Context, c cause) (bool, error) {
	from := uint64(1)
	if c.Source != events.PBX { // an outcome is in the log once: what followed it came after it
		from = c.sequence
	}
	for {
		outcome, err := l.log.NextOf(ctx, from, c.subject(events.Mailer, "*"))
		if err != nil || outcome == nil {
			return false, err
		}
		if outcome.Header.Get(events.HeaderCauseID) == c.ID {
			return true, nil
		}
		from = outcome.Sequence + 1
	}
}

// license reads what holds now. The grant is read first: of a license revoked in
// between one sees the end, never an older license as still in force.
func (l ledger) license(ctx context.Context, c cause) (license, error) {
	granted, err := l.log.LastOf(ctx, c.subject(events.License, events.LicenseGranted{}.EventName()))
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
	return license{LicenseGranted: data, active: revoked == nil || revoked.Sequence < granted.Sequence}, nil
}

// outcome encodes what will be told. Its id derives from the cause's, so that one
// told twice is stored once.
func (l ledger) outcome(c cause, data events.Data) (*nats.Msg, error) {
	event := events.NewOutcome(events.Mailer, c.Event, data)
	body, err := event.Encode()
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", data.EventName(), err)
	}
	m := nats.NewMsg(event.Subject())
	m.Data = body
	m.Header.Set(events.HeaderMsgID, event.ID)
	m.Header.Set(events.HeaderCause, strconv.FormatUint(c.sequence, 10))
	m.Header.Set(events.HeaderCauseID, c.ID)
	return m, nil
}

// tell stores an outcome. It does not give up before the context ends: what it
// tells has happened. After an error it looks first, for the outcome may be stored
// although its acknowledgement was lost, longer ago than the duplicate window.
func (l ledger) tell(ctx context.Context, c cause, m *nats.Msg) error {
	pauses := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	failed := false
	publish := func() error {
		if failed {
			if told, err := l.told(ctx, c); err != nil || told {
				return err
			}
		}
		failed = true
		_, err := l.log.Publish(ctx, m)
		return err
	}
	report := func(err error, wait time.Duration) {
		l.logger.Warn().Err(err).Str("event", c.ID).Dur("again_in", wait).Msg("the outcome of an e-mail is not stored yet")
	}
	if err := backoff.RetryNotify(publish, backoff.WithContext(pauses, ctx), report); err != nil {
		return errors.Join(errNotTold, err)
	}
	return nil
}

var errNotTold = errors.New("stopped before the outcome of an e-mail was stored: if it was sent, it will be sent again")
