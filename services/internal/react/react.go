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
	// pullTimeout bounds a slot's wait for a message, and so a clean stop. A pull is not
	// cut short: a message that arrives after its slot left waits for its AckWait.
	pullTimeout = time.Second

	// gatherDelay is how long free slots wait for others to be free, while there are more
	// messages than slots.
	gatherDelay = 10 * time.Millisecond

	// requestTimeout bounds one exchange with the server.
	requestTimeout = 3 * time.Second
)

// reactor is a run.
type reactor struct {
	Config
	handle   Handler
	breaker  *breaker
	fetcher  *fetcher
	attempts *attempts
	trouble  chan struct{}             // a slot could not pull
	created  atomic.Pointer[time.Time] // of the stream this run works on
	seen     atomic.Uint64             // highest sequence the log is known to have had
	reported string                    // the supervisor's last report

	mu      sync.Mutex
	working map[uint64]bool // sequences being handled
	missed  map[uint64]bool // sequences that wait because the log lacks an event
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
	r.fetcher.fetches.Wait()
	supervisor.Wait()
	return context.Cause(ctx)
}

func newReactor(config Config, handle Handler) *reactor {
	r := &reactor{
		Config: config.withDefaults(), handle: handle,
		trouble: make(chan struct{}, 1), working: map[uint64]bool{}, missed: map[uint64]bool{},
	}
	r.attempts = newAttempts(r.Retry)
	r.fetcher = newFetcher(r.Concurrency, gatherDelay)
	r.breaker = newBreaker(r.Recover, r.pausing)
	r.Metrics.begin(r.Durable)
	return r
}

// pausing reports that work stopped or goes on. The log has one line for each, however
// many probes fail in between; health has the latest reason.
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

// slot takes one message at a time until ctx ends, and handles it in the work context,
// which lasts a little longer.
func (r *reactor) slot(ctx, work context.Context) {
	for {
		p, err := r.breaker.acquire(ctx)
		if err != nil {
			return
		}
		asked := wall()
		m, err := r.fetcher.next(p.consumer)
		switch {
		case err == nil:
			r.work(work, p, m, asked)
		case errors.Is(err, nats.ErrTimeout):
			r.breaker.unused(p)
		default:
			r.breaker.unused(p)
			r.troubled(ctx, err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// troubled asks the supervisor to check the consumer, and waits a little.
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
