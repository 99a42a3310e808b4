package react

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// pull is how long a slot waits for a message before it looks whether it
	// should still; so long does a clean stop take at most. It is not cut short:
	// a message that arrives for nobody waits for its AckWait.
	pull = time.Second

	// lull is how long free slots wait for others to be free, while there is more than
	// all of them can take.
	lull = 10 * time.Millisecond

	// patience is what one exchange with the server may take.
	patience = 3 * time.Second
)

// reactor is a run.
type reactor struct {
	Config
	handle   Handler
	gate     *gate
	stock    *stock
	attempts *attempts
	trouble  chan struct{}             // a slot could not pull
	created  atomic.Pointer[time.Time] // of the stream this run works on
	seen     atomic.Uint64             // highest sequence the log is known to have had
	reported string                    // the supervisor's: its last word

	mu      sync.Mutex
	working map[uint64]bool // sequences being handled
	missed  map[uint64]bool // sequences that wait because the log misses one
}

// Run handles events until the context ends, which is the only way it returns.
// See the package comment.
func Run(ctx context.Context, config Config, handle Handler) error {
	r := newReactor(config, handle)
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()

	var slots sync.WaitGroup
	for range r.Concurrency {
		slots.Go(func() { r.slot(ctx, work) })
	}
	var supervisor sync.WaitGroup
	supervisor.Go(func() { r.supervise(ctx) })

	<-ctx.Done()
	grace := time.AfterFunc(r.Grace, cancel)
	defer grace.Stop()
	slots.Wait()
	r.stock.asks.Wait()
	supervisor.Wait()
	return context.Cause(ctx)
}

func newReactor(config Config, handle Handler) *reactor {
	r := &reactor{
		Config: config.withDefaults(), handle: handle,
		trouble: make(chan struct{}, 1), working: map[uint64]bool{}, missed: map[uint64]bool{},
	}
	r.attempts = newAttempts(r.Retry)
	r.stock = newStock(r.Concurrency, lull)
	r.gate = newGate(r.Recover, r.pausing)
	r.Metrics.begin(r.Durable)
	return r
}

// pausing tells that work stopped, and that it goes on: in the log once each,
// however many probes fail in between. Health has the latest reason.
func (r *reactor) pausing(reason error, began bool) {
	r.Health.NotReady(r.Durable, reason)
	r.Metrics.pausing(r.Durable, reason != nil)
	switch {
	case reason == nil:
		r.Logger.Info().Msg("working again")
	case began:
		r.Logger.Warn().Err(reason).Msg("work is paused")
	default:
		r.Logger.Debug().Err(reason).Msg("still paused")
	}
}

// slot takes one message at a time, as long as the context lasts, and handles it
// in the work context, which lasts a little longer.
func (r *reactor) slot(ctx, work context.Context) {
	for {
		p, err := r.gate.enter(ctx)
		if err != nil {
			return
		}
		asked := wall()
		m, err := r.stock.take(p.consumer)
		switch {
		case err == nil:
			r.work(work, p, m, asked)
		case errors.Is(err, nats.ErrTimeout):
			r.gate.unused(p)
		default:
			r.gate.unused(p)
			r.troubled(ctx, err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// troubled asks the supervisor to look at the consumer, and gives it a moment.
func (r *reactor) troubled(ctx context.Context, err error) {
	r.Logger.Debug().Err(err).Msg("no message")
	select {
	case r.trouble <- struct{}{}:
	default:
	}
	timer := time.NewTimer(r.Recover.First)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
