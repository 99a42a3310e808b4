package react

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// Config is what a reactor needs. A zero duration or number means its default.
type Config struct {
	Log     *eventlog.Log
	Durable string         // name of the consumer, and of the worker in dead letters
	Inputs  []events.Input // what it reads

	Concurrency int           // events at a time; 8
	AckWait     time.Duration // after which a message of a process that is silent goes to another; [AckWait]
	Deadline    time.Duration // age at which an event that fails is given up; 72 h
	MinAttempts int           // but only after so many attempts of one process; 10
	Retry       Bounds        // pause between attempts at one event; 5 s to 15 min
	Recover     Bounds        // pause between probes while paused; 1 s to 30 s
	Grace       time.Duration // for handlers to finish when the reactor stops; 20 s
	Check       time.Duration // interval between checks of the durable; 5 s

	// GiveUp, when set, is called at the end of an event's deadline in place of a dead
	// letter. After an error the event comes again.
	GiveUp func(ctx context.Context, d Delivery, last error) error

	// Postponed, when set, is called after every failed attempt that will be repeated.
	Postponed func(ctx context.Context, d Delivery, p Postponement)

	Logger  zerolog.Logger
	Health  Health   // may be nil
	Metrics *Metrics // may be nil
	Tracer  tracing.Tracer
}

// AckWait unless configured otherwise.
const AckWait = 30 * time.Second

// Handler does what an event asks for. Its context ends when the reactor must
// stop at once. It is called from many goroutines.
type Handler func(ctx context.Context, d Delivery) error

// Delivery is an event to handle.
type Delivery struct {
	eventlog.Message
	Attempt   int // this is the n-th attempt by this process, outages not counted
	Delivered int // this is the n-th delivery to any process

	lease *lease // nil in tests of handlers
}

// Held reports whether the message, as far as this process knows, is still ours. It is
// false after the process slept for longer than AckWait, or did not reach the server for
// so long. True is no promise: see the package comment.
func (d Delivery) Held() bool { return d.lease == nil || d.lease.valid() }

// Postponement is an attempt that failed, and when the next one is.
type Postponement struct {
	Err  error
	Next time.Time
}

// Health receives the state of the reactor. *process.Health is one.
type Health interface {
	Broken(part string, err error)   // a person is needed; nil: no longer
	NotReady(part string, err error) // no work is done now; nil: work goes on
}

// LogPart names a durable's log for Health: not ready while it cannot be reached, which
// is checked every Check.
func LogPart(durable string) string { return durable + " log" }

// EventsPart names a durable's events for Health: broken while one waits because the log
// lacks what it is decided from ([eventlog.ErrMissing]).
func EventsPart(durable string) string { return durable + " events" }

// Bounds of a pause that doubles each time, with jitter.
type Bounds struct{ First, Max time.Duration }

func (c Config) withDefaults() Config {
	orElse(&c.Concurrency, 8)
	orElse(&c.AckWait, AckWait)
	orElse(&c.Deadline, 72*time.Hour)
	orElse(&c.MinAttempts, 10)
	orElse(&c.Retry, Bounds{5 * time.Second, 15 * time.Minute})
	orElse(&c.Recover, Bounds{time.Second, 30 * time.Second})
	orElse(&c.Grace, 20*time.Second)
	orElse(&c.Check, 5*time.Second)
	if c.Health == nil {
		c.Health = unwatched{}
	}
	c.Logger = c.Logger.With().Str("durable", c.Durable).Logger()
	return c
}

func orElse[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// unwatched is the Health of a reactor without one.
type unwatched struct{}

func (unwatched) Broken(string, error)   {}
func (unwatched) NotReady(string, error) {}

// consumer is the durable as it should be.
func (c Config) consumer(created time.Time) jetstream.ConsumerConfig {
	filters := make([]string, len(c.Inputs))
	for i, input := range c.Inputs {
		filters[i] = input.Filter(events.AnyPartition)
	}
	return jetstream.ConsumerConfig{
		Durable:        c.Durable,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        c.AckWait,
		MaxDeliver:     -1,
		MaxAckPending:  -1,
		MaxWaiting:     maxWaiting,
		FilterSubjects: filters,
		Metadata:       map[string]string{createdKey: instant(created)},
	}
}

const (
	// createdKey is where the durable remembers which stream it began with.
	createdKey = "softphone-stream-created"

	// maxWaiting bounds the open pulls of all replicas' slots together.
	maxWaiting = 4096
)
