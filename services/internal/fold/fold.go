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

// MaxBatch is the most messages that are decided, published and committed at once.
const MaxBatch = 512

const (
	// compareInterval is how often an idle owner compares the checkpoint in Redis with its own.
	compareInterval = time.Second

	// answerWindow is the age up to which an event's caller may still be waiting.
	answerWindow = 30 * time.Second

	// Pauses between two terms: after a fault, and after a refusal, which only an operator can end.
	minPause, maxPause = 50 * time.Millisecond, time.Second
	refusedPause       = 5 * time.Second

	// fencedPause follows another owner's fence: the replicas need about that long to agree on the owner.
	fencedPause = 500 * time.Millisecond
)

// Config is what an owner needs.
type Config struct {
	Log     *eventlog.Log
	Feed    *eventlog.Feed // reads for all owners of this process that are Far behind; nil: each reads on its own
	Far     uint64         // messages; 0: 10,000. With fewer, a reader of its own is done before others join
	Redis   redis.UniversalClient
	Owner   string // the replica's name, for operations
	Logger  zerolog.Logger
	Metrics *Metrics // may be nil
	Tracer  tracing.Tracer
	Late    time.Duration                    // age of events at which an owner with more to read counts as behind; 0: 10 s
	Report  func(partition int, fault error) // why a partition is not folded, see Refused; nil once it is; may be nil

	// Step, when set, is called with the name of each step of a term before it. Tests stop an owner there.
	Step func(name string)
}

// Run owns one partition until the context ends or check reports that another replica owns it. Every other fault only
// ends a term.
func Run[S any](ctx context.Context, c Config, rules Rules[S], partition int, check func(context.Context) error) error {
	o := newOwner(c, rules, partition, check)
	defer o.meter.close()
	defer o.report(nil) // faults belong to the owner
	pause := minPause
	for {
		err := o.term(ctx)
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
