package replay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// ErrNoDeadLetter says that there is no dead letter with this id.
var ErrNoDeadLetter = errors.New("there is no such dead letter")

// DeadLetter is an event that a worker could not process.
type DeadLetter struct {
	ID       string    `json:"id"` // its subject after "dead.": worker, stream, sequence
	Worker   string    `json:"worker"`
	Sequence uint64    `json:"sequence"` // of the event in the log
	Subject  string    `json:"subject"`
	Key      string    `json:"key"` // tenant/extension
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
	Body     []byte    `json:"-"` // the original bytes

	sequence uint64 // sequence in the stream of dead letters
}

// DeadLetters calls each with the dead letters of a worker, "" for all, the oldest first.
func DeadLetters(ctx context.Context, js jetstream.JetStream, worker string, each func(DeadLetter) error) error {
	filter := events.DeadFilter("*")
	if worker != "" {
		filter = events.DeadFilter(worker)
	}
	consumer, err := js.CreateConsumer(ctx, events.DeadStream, jetstream.ConsumerConfig{
		Name: readerName(), FilterSubject: filter, AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverAllPolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("reading the dead letters: %w", err)
	}
	for left := consumer.CachedInfo().NumPending; left > 0; {
		messages, err := consumer.Fetch(int(min(left, batch)), jetstream.FetchMaxWait(readTimeout))
		if err != nil {
			return fmt.Errorf("reading the dead letters: %w", err)
		}
		got := uint64(0)
		for m := range messages.Messages() {
			got++
			meta, err := m.Metadata()
			if err != nil {
				return fmt.Errorf("reading the dead letters: %w", err)
			}
			if err := each(parseDeadLetter(m.Subject(), m.Headers().Get, m.Data(), meta.Sequence.Stream)); err != nil {
				return err
			}
		}
		if err := messages.Error(); err != nil {
			return fmt.Errorf("reading the dead letters: %w", err)
		}
		if got == 0 { // dropped in the meantime
			return ctx.Err()
		}
		left -= min(left, got)
	}
	return ctx.Err()
}

// FindDeadLetter returns a dead letter by its id.
func FindDeadLetter(ctx context.Context, js jetstream.JetStream, id string) (DeadLetter, error) {
	stream, err := js.Stream(ctx, events.DeadStream)
	if err != nil {
		return DeadLetter{}, fmt.Errorf("opening the dead letters: %w", err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, "dead."+id)
	if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Subject != "dead."+id { // a wildcard finds another one
		return DeadLetter{}, fmt.Errorf("%s: %w", id, ErrNoDeadLetter)
	}
	if err != nil {
		return DeadLetter{}, fmt.Errorf("reading dead letter %s: %w", id, err)
	}
	return parseDeadLetter(m.Subject, m.Header.Get, m.Data, m.Sequence), nil
}

// DropDeadLetter removes a dead letter. Its event stays in the log; a worker that folds the log from the beginning
// records it again.
func DropDeadLetter(ctx context.Context, js jetstream.JetStream, d DeadLetter) error {
	stream, err := js.Stream(ctx, events.DeadStream)
	if err != nil {
		return fmt.Errorf("opening the dead letters: %w", err)
	}
	return d.Erase(ctx, stream)
}

// Erase removes a dead letter from its stream and overwrites it: it may contain personal data.
func (d DeadLetter) Erase(ctx context.Context, stream jetstream.Stream) error {
	if err := stream.SecureDeleteMsg(ctx, d.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("dropping dead letter %s: %w", d.ID, err)
	}
	return nil
}

func parseDeadLetter(subject string, header func(string) string, body []byte, sequence uint64) DeadLetter {
	d := DeadLetter{
		ID: subject[len("dead."):], Subject: header(eventlog.HeaderDeadSubject), Reason: header(eventlog.HeaderDeadReason),
		Key:  header(eventlog.HeaderDeadTenant) + "/" + header(eventlog.HeaderDeadExtension),
		Body: body, sequence: sequence,
	}
	d.Worker, _, _ = strings.Cut(d.ID, ".")
	d.Sequence, _ = strconv.ParseUint(header(eventlog.HeaderDeadSequence), 10, 64) // 0 if another program wrote it
	d.Attempts, _ = strconv.Atoi(header(eventlog.HeaderDeadAttempts))
	d.At, _ = time.Parse(time.RFC3339Nano, header(eventlog.HeaderDeadTime))
	return d
}
