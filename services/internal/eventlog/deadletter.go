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

// maxReason bounds what is said of a dead letter, in bytes.
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
	return fmt.Sprintf("dead.%s.%d.%d", d.Worker, d.Created.UnixMilli(), d.Event.Sequence)
}

// Bury records a dead letter: the original bytes, and the circumstances as
// headers. The same failure is recorded once however often it is buried; recorded
// tells whether this was the first time.
func (l *Log) Bury(ctx context.Context, d DeadLetter) (recorded bool, err error) {
	tenant, extension := d.Event.Key().Tokens()
	m := nats.NewMsg(d.Subject())
	m.Data = d.Event.Data
	for header, value := range map[string]string{
		HeaderDeadSubject:   d.Event.Subject,
		HeaderDeadSequence:  strconv.FormatUint(d.Event.Sequence, 10),
		HeaderDeadTenant:    tenant,
		HeaderDeadExtension: extension,
		HeaderDeadReason:    line(d.Reason.Error()),
		HeaderDeadAttempts:  strconv.Itoa(d.Attempts),
		HeaderDeadTime:      d.At.UTC().Format(time.RFC3339Nano),
	} {
		m.Header.Set(header, value)
	}
	_, err = l.js.PublishMsg(ctx, m)
	if err == nil || buriedBefore(err) {
		return err == nil, nil
	}
	return false, fmt.Errorf("recording a dead letter on %s: %w", m.Subject, err)
}

// Burial is what a dead letter says of its event.
type Burial struct {
	Reason string
	At     time.Time
}

// Buried tells whether a worker has buried the message at a sequence; nil says that
// it has not.
func (l *Log) Buried(ctx context.Context, worker string, sequence uint64) (*Burial, error) {
	letter := DeadLetter{Worker: worker, Created: l.stream.CachedInfo().Created, Event: Message{Sequence: sequence}}
	dead, err := l.js.Stream(ctx, events.DeadStream)
	if err != nil {
		return nil, fmt.Errorf("opening stream %s: %w", events.DeadStream, err)
	}
	m, err := found(dead.GetLastMsgForSubject(ctx, letter.Subject()))
	if err != nil || m == nil {
		return nil, err
	}
	return &Burial{Reason: m.Header.Get(HeaderDeadReason), At: m.Time.UTC()}, nil
}

// buriedBefore tells the server's refusal of a second message on the subject.
func buriedBefore(err error) bool {
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
