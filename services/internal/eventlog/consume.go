package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
)

const (
	// heartbeat is how often an idle server says that the consumer lives; after
	// two silent ones reading has failed.
	heartbeat = 3 * time.Second

	// orphaned is how long the server keeps a consumer that nobody reads.
	orphaned = 30 * time.Second
)

// sink takes what a consumer delivers. Its methods are called one at a time, but
// for fail.
type sink interface {
	take(m Message, pending uint64) // pending: messages that still wait on the server
	fail(err error)                 // what makes further messages worthless; only the first one counts
}

// consume creates a consumer that keeps no position on the server and
// acknowledges nothing, and hands over what it delivers, at most ahead of the
// sink by so many messages. Whatever could have made it miss a message is an
// [ErrGap].
func (l *Log) consume(ctx context.Context, c jetstream.ConsumerConfig, ahead int, to sink) (stop func(), pending uint64, err error) {
	c.AckPolicy, c.MemoryStorage, c.Replicas, c.InactiveThreshold = jetstream.AckNonePolicy, true, 1, orphaned
	forget := l.cutOff(to)
	defer func() {
		if err != nil {
			forget()
		}
	}()
	consumer, err := l.js.CreateConsumer(ctx, events.Stream, c)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the log as %s: %w", c.Name, err)
	}
	consuming, err := consumer.Consume((&contiguous{sink: to}).take,
		jetstream.PullMaxMessages(ahead),
		jetstream.PullHeartbeat(heartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { to.fail(gap(err)) }))
	if err != nil {
		return nil, 0, fmt.Errorf("reading the log as %s: %w", c.Name, err)
	}
	stop = func() {
		consuming.Stop()
		forget()
	}
	return stop, consumer.CachedInfo().NumPending, nil
}

// cutOff makes a lost connection a gap, until it is forgotten. What the server sent
// last may have got nowhere. The next delivery would show it, but where no event
// follows there is none.
func (l *Log) cutOff(to sink) (forget func()) {
	lost := l.conn.StatusChanged(nats.RECONNECTING)
	go func() {
		if _, is := <-lost; is {
			to.fail(gap(errCutOff))
		}
	}()
	return func() { l.conn.RemoveStatusListener(lost) }
}

// contiguous lets only the next message through.
type contiguous struct {
	sink
	delivered uint64
}

func (c *contiguous) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		c.fail(gap(fmt.Errorf("a message without place: %w", err)))
		return
	}
	if meta.Sequence.Consumer != c.delivered+1 {
		c.fail(gap(fmt.Errorf("expected delivery %d, got %d", c.delivered+1, meta.Sequence.Consumer)))
		return
	}
	c.delivered = meta.Sequence.Consumer
	c.sink.take(Message{
		Subject: m.Subject(), Sequence: meta.Sequence.Stream, Time: meta.Timestamp, Header: m.Headers(), Data: m.Data(),
	}, meta.NumPending)
}

func gap(err error) error {
	if errors.Is(err, nats.ErrConnectionClosed) {
		err = fmt.Errorf("the connection is closed: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrGap, err)
}
