package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
)

const (
	// heartbeat is how often an idle server says that the consumer lives; after
	// two silent ones reading has failed.
	heartbeat = 3 * time.Second

	// pullExpiry is how long a pull that gets nothing stays open at the server.
	pullExpiry = 2 * heartbeat

	// orphaned is how long the server keeps a consumer that nobody reads.
	orphaned = 30 * time.Second
)

// sink takes what a consumer delivers. Its methods are called one at a time, but
// for fail.
type sink interface {
	take(m Message, pending uint64) // pending: messages that still wait on the server
	fail(err error)                 // what makes further messages worthless; only the first one counts
}

// start is where a reader starts, and what it reads.
type start struct {
	name    string // who reads, for operations: the name of a consumer that is made for this
	durable string // the consumer that setup made for this; "" where it made none
	from    uint64
	since   time.Time // instead of from
	filters []string
	shared  bool // for many partitions: not worth a look at one message after the other
}

// config is a consumer that keeps no position on the server and acknowledges nothing.
func (s start) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Name: s.name, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: s.from, FilterSubjects: s.filters,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: orphaned,
	}
	if !s.since.IsZero() {
		c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &s.since
	}
	return c
}

// consume hands over what is read from a place on, at most ahead of the sink by so
// many messages. Whatever could have made it miss a message is an [ErrGap].
func (l *Log) consume(ctx context.Context, s start, ahead int, to sink) (stop func(), pending uint64, err error) {
	if l.imported && s.shared {
		return nil, 0, errNoConsumer
	}
	reading, end := context.WithCancel(context.Background())
	forget := l.cutOff(to)
	stop = func() { end(); forget() }
	if l.imported {
		go func() {
			if err := l.poll(reading, s, ahead, to); reading.Err() == nil {
				to.fail(gap(err))
			}
		}()
		return stop, unknown, nil
	}
	consumer, err := l.js.CreateConsumer(ctx, events.Stream, s.config())
	if err == nil {
		err = deliver(reading, consumer, ahead, &contiguous{sink: to})
	}
	if err != nil {
		stop()
		return nil, 0, fmt.Errorf("reading the log as %s: %w", s.name, err)
	}
	return stop, consumer.CachedInfo().NumPending, nil
}

// deliver hands over what a consumer delivers, until the context ends.
func deliver(ctx context.Context, consumer jetstream.Consumer, ahead int, to *contiguous) error {
	consuming, err := consumer.Consume(to.take,
		jetstream.PullMaxMessages(ahead),
		jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { to.fail(gap(err)) }))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, consuming.Stop)
	return nil
}

// durable is the consumer that setup made for an owner, put to a sequence. Without one
// the error is errNoConsumer.
//
// Two owners of a partition, one of them paused, use the same durable. Each then misses
// what the other is given, which the numbers of the deliveries show, and where nothing
// follows a look at the consumer (watch): a gap, and both start again, of whom the fence
// lets one go on.
func (l *Log) durable(ctx context.Context, name string, from uint64) (jetstream.Consumer, error) {
	body := []byte(`{"seq":` + strconv.FormatUint(from, 10) + `}`)
	ctx, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	reply, err := l.conn.RequestWithContext(ctx, events.APIPrefix+".CONSUMER.RESET."+events.Stream+"."+name, body)
	if err != nil { // nobody: setup has not made it, or the server it is on is away
		return nil, fmt.Errorf("%w: %w", errNoConsumer, err)
	}
	var reset struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &reset); err != nil {
		return nil, err
	}
	if reset.Error != nil {
		return nil, fmt.Errorf("%w: %w", errNoConsumer, reset.Error)
	}
	consumer, err := l.js.Consumer(ctx, events.Stream, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoConsumer, err)
	}
	return consumer, nil
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
	delivered atomic.Uint64
}

// watchPause is how often a reader that is given nothing looks at its consumer.
const watchPause = 2 * time.Second

// watch returns when the consumer has delivered to somebody else what this reader was not
// given: with nothing after it, no delivery would show the gap.
func (c *contiguous) watch(ctx context.Context, consumer jetstream.Consumer) error {
	before, missed := uint64(0), false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchPause):
		}
		taken := c.delivered.Load()
		if taken != before { // it is given messages, whose numbers show it
			before, missed = taken, false
			continue
		}
		asking, cancel := context.WithTimeout(ctx, heartbeat)
		info, err := consumer.Info(asking)
		cancel()
		switch {
		case err != nil: // a lost consumer or server is noticed by its heartbeats
		case info.Delivered.Consumer <= c.delivered.Load():
			missed = false
		case missed: // twice, so nothing is on its way
			return fmt.Errorf("delivery %d went to another reader", info.Delivered.Consumer)
		default:
			missed = true
		}
	}
}

func (c *contiguous) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		c.fail(gap(fmt.Errorf("a message without place: %w", err)))
		return
	}
	if expected := c.delivered.Load() + 1; meta.Sequence.Consumer != expected {
		c.fail(gap(fmt.Errorf("expected delivery %d, got %d", expected, meta.Sequence.Consumer)))
		return
	}
	c.delivered.Store(meta.Sequence.Consumer)
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
