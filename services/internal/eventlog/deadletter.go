package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
)

// maxReason bounds the reason of a dead letter, in bytes.
const maxReason = 1024

// DeadLetter is an event that a worker could not process.
type DeadLetter struct {
	Worker   string
	Created  time.Time // of the stream the event is in, see State
	Event    Message
	Reason   error
	Attempts int
	At       time.Time
}

// Subject of the dead letter: one for each worker, stream and sequence.
func (d DeadLetter) Subject() string {
	return events.DeadSubject(d.Worker, d.Created, d.Event.Sequence)
}

// RecordDead records a dead letter: the original bytes, and the circumstances as headers. One failure is recorded once,
// however often this is called; recorded reports whether this was the first time.
func (l *Log) RecordDead(ctx context.Context, d DeadLetter) (recorded bool, err error) {
	about := d.Event.Extension()
	m := nats.NewMsg(d.Subject())
	m.Data = d.Event.Data
	for header, value := range map[string]string{
		HeaderDeadSubject:   d.Event.Subject,
		HeaderDeadSequence:  strconv.FormatUint(d.Event.Sequence, 10),
		HeaderDeadTenant:    about.Tenant,
		HeaderDeadExtension: about.Number,
		HeaderDeadReason:    line(d.Reason.Error()),
		HeaderDeadAttempts:  strconv.Itoa(d.Attempts),
		HeaderDeadTime:      d.At.UTC().Format(time.RFC3339Nano),
	} {
		m.Header.Set(header, value)
	}
	_, err = l.js.PublishMsg(ctx, m)
	if err == nil || recordedBefore(err) {
		return err == nil, nil
	}
	return false, fmt.Errorf("recording a dead letter on %s: %w", m.Subject, err)
}

// DeadRecord is what the log has of a dead letter.
type DeadRecord struct {
	Reason string
	At     time.Time
}

// FindDead returns the dead letter of a worker for the message at a sequence; nil when there is none.
func (l *Log) FindDead(ctx context.Context, worker string, sequence uint64) (*DeadRecord, error) {
	letter := DeadLetter{Worker: worker, Created: l.stream.CachedInfo().Created, Event: Message{Sequence: sequence}}
	dead, err := l.js.Stream(ctx, events.DeadStream)
	if err != nil {
		return nil, fmt.Errorf("opening stream %s: %w", events.DeadStream, err)
	}
	m, err := found(dead.GetLastMsgForSubject(ctx, letter.Subject()))
	if err != nil || m == nil {
		return nil, err
	}
	return &DeadRecord{Reason: m.Header.Get(HeaderDeadReason), At: m.Time.UTC()}, nil
}

// recordedBefore reports whether the server refused a second message on the subject.
func recordedBefore(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum messages per subject exceeded")
}

// line makes a reason fit for a header: one line, bounded.
func line(reason string) string {
	reason = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, reason)
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return reason
}
