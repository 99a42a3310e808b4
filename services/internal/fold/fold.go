package fold

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// MaxBatch is the most messages that are decided, told and committed at once.
const MaxBatch = 512

const (
	// idle is how often an owner that commits nothing looks whether Redis still has
	// its checkpoint.
	idle = time.Second

	// fresh is the age up to which an event's caller is thought to be waiting.
	fresh = 30 * time.Second

	// Between two tenures: after a fault, and after a refusal, which only an
	// operator can end.
	minPause, maxPause = 50 * time.Millisecond, time.Second
	refusedPause       = 5 * time.Second

	// After another owner's fence: until the replicas agree again who owns the partition.
	fencedPause = 500 * time.Millisecond
)

// Config is what an owner needs.
type Config struct {
	Log     *eventlog.Log
	Feed    *eventlog.Feed // reads for all owners of this process what is Far behind; nil: each reads on its own
	Far     uint64         // messages; 0: 10,000. With fewer a reader of its own is done before others have come
	Redis   redis.UniversalClient
	Owner   string                           // who owns, for operations: the replica's name
	Logger  zerolog.Logger                   //
	Metrics *Metrics                         // may be nil
	Tracer  tracing.Tracer                   // of events that carry a trace
	Late    time.Duration                    // age of events at which an owner that has more to do counts as behind; 0: 10 s
	Report  func(partition int, fault error) // what keeps it from folding, see Refused; nil when it is over; may be nil

	// Step, when set, is called before each step of a tenure with its name. Tests
	// stop an owner there.
	Step func(name string)
}

// Run owns one partition until the context ends or check says that it is
// another replica's. Every other fault ends only a tenure.
func Run[S any, E Event](ctx context.Context, c Config, rules Rules[S, E], partition int, check func(context.Context) error) error {
	o := newOwner(c, rules, partition, check)
	defer o.meter.close()
	defer o.report(nil) // a fault is of who owns the partition
	pause := minPause
	for {
		err := o.tenure(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errNotOwned) {
			return err
		}
		if o.committed {
			pause = minPause
		}
		o.ended(err, pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pauseAfter(err, pause)):
		}
		pause = min(2*pause, maxPause)
	}
}

func pauseAfter(err error, pause time.Duration) time.Duration {
	switch {
	case Refused(err):
		return refusedPause
	case eventlog.Refused(err), errors.Is(err, errFenced):
		return max(pause, fencedPause)
	}
	return pause
}
