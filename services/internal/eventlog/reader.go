package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
)

const (
	// ahead is how many messages a reader asks for before they are wanted. Twice as
	// many made a worker no faster, and its memory depend on how slow Redis is.
	ahead = 512

	// heartbeat is how often an idle server says that the consumer lives; after
	// two silent ones the reader gives up.
	heartbeat = 3 * time.Second

	// orphaned is how long the server keeps a consumer that nobody reads.
	orphaned = 30 * time.Second
)

// Reader reads the log in order from one sequence on. It keeps no position on the
// server and acknowledges nothing. It never resumes by itself: whatever could have
// made it miss a message ends it with [ErrGap], and whoever reads starts again
// from a place it knows.
type Reader struct {
	consuming jetstream.ConsumeContext
	messages  chan Message
	broken    chan error // holds the first error
	closed    chan struct{}
	peeked    *Message
	pending   uint64
	delivered uint64
	remaining atomic.Uint64 // at the server, when it sent what was delivered last
}

// Read starts a reader at a sequence (at least 1), of the messages that match one
// of the filters. The name tells who reads, for operations.
func (l *Log) Read(ctx context.Context, name string, from uint64, filters ...string) (*Reader, error) {
	return l.read(ctx, jetstream.ConsumerConfig{
		Name: name, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, FilterSubjects: filters,
	})
}

// ReadSince is Read from the first message that was stored at a time or later.
func (l *Log) ReadSince(ctx context.Context, name string, since time.Time, filters ...string) (*Reader, error) {
	return l.read(ctx, jetstream.ConsumerConfig{
		Name: name, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since, FilterSubjects: filters,
	})
}

func (l *Log) read(ctx context.Context, c jetstream.ConsumerConfig) (*Reader, error) {
	c.AckPolicy, c.MemoryStorage, c.Replicas, c.InactiveThreshold = jetstream.AckNonePolicy, true, 1, orphaned
	consumer, err := l.js.CreateConsumer(ctx, events.Stream, c)
	if err != nil {
		return nil, fmt.Errorf("reading the log as %s: %w", c.Name, err)
	}
	r := &Reader{
		messages: make(chan Message, ahead),
		broken:   make(chan error, 1),
		closed:   make(chan struct{}),
		pending:  consumer.CachedInfo().NumPending,
	}
	r.consuming, err = consumer.Consume(r.take,
		jetstream.PullMaxMessages(ahead),
		jetstream.PullHeartbeat(heartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { r.fail(err) }))
	if err != nil {
		return nil, fmt.Errorf("reading the log as %s: %w", c.Name, err)
	}
	return r, nil
}

// Pending is how many messages waited for this reader when it started.
func (r *Reader) Pending() uint64 { return r.pending }

// Behind is how many messages are known to wait for this reader now.
func (r *Reader) Behind() uint64 { return uint64(len(r.messages)) + r.remaining.Load() }

// Batch waits for a message, or for the given time, and returns it with whatever
// else is already here, at most limit. An empty batch is a time that ran out.
func (r *Reader) Batch(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	if first := r.peeked; first != nil {
		r.peeked = nil
		return r.rest(*first, limit), nil
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-r.broken:
		r.broken <- err
		return nil, err
	case <-timeout.C:
		return nil, nil
	case first := <-r.messages:
		return r.rest(first, limit), nil
	}
}

func (r *Reader) rest(first Message, limit int) []Message {
	batch := make([]Message, 1, min(limit, 1+len(r.messages)))
	batch[0] = first
	for len(batch) < limit {
		select {
		case m := <-r.messages:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// Peek waits for the next message without taking it. It must be followed by a
// Skip or a Batch before the next Peek.
func (r *Reader) Peek(ctx context.Context) (Message, error) {
	for r.peeked == nil {
		batch, err := r.Batch(ctx, 1, heartbeat)
		if err != nil {
			return Message{}, err
		}
		if len(batch) > 0 {
			r.peeked = &batch[0]
		}
	}
	return *r.peeked, nil
}

// Skip takes the message that was peeked at.
func (r *Reader) Skip() { r.peeked = nil }

// Close ends the reader; it may be called once. The server forgets its consumer
// by itself.
func (r *Reader) Close() {
	close(r.closed)
	r.consuming.Stop()
}

// take hands on one delivered message, if it is the next one.
func (r *Reader) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		r.fail(fmt.Errorf("a message without place: %w", err))
		return
	}
	if meta.Sequence.Consumer != r.delivered+1 {
		r.fail(fmt.Errorf("expected delivery %d, got %d", r.delivered+1, meta.Sequence.Consumer))
		return
	}
	r.delivered = meta.Sequence.Consumer
	r.remaining.Store(meta.NumPending)
	next := Message{
		Subject: m.Subject(), Sequence: meta.Sequence.Stream, Time: meta.Timestamp, Header: m.Headers(), Data: m.Data(),
	}
	select {
	case r.messages <- next:
	case <-r.closed:
	}
}

// fail ends reading; only the first reason counts.
func (r *Reader) fail(err error) {
	if errors.Is(err, nats.ErrConnectionClosed) {
		err = fmt.Errorf("the connection is closed: %w", err)
	}
	select {
	case r.broken <- fmt.Errorf("%w: %w", ErrGap, err):
	default:
	}
}
