package react

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// attempts counts the failures of events by sequence, in this process only: the
// server's delivery count includes probes of an outage, for which no event is to blame.
type attempts struct {
	retry Bounds

	mu    sync.Mutex
	by    map[uint64]*attempted
	swept time.Time
}

type attempted struct {
	failures int
	interval *backoff.ExponentialBackOff
	last     time.Time
}

func newAttempts(retry Bounds) *attempts {
	return &attempts{retry: retry, by: map[uint64]*attempted{}, swept: time.Now()}
}

// before returns how often an event has failed.
func (a *attempts) before(sequence uint64) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if of := a.by[sequence]; of != nil {
		return of.failures
	}
	return 0
}

// failed counts a failure and returns the pause until the next attempt.
func (a *attempts) failed(sequence uint64) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep()
	of := a.by[sequence]
	if of == nil {
		of = &attempted{interval: a.retry.Backoff()}
		a.by[sequence] = of
	}
	of.failures++
	of.last = time.Now()
	return of.interval.NextBackOff()
}

// done forgets an event.
func (a *attempts) done(sequence uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.by, sequence)
}

// sweep forgets events that another replica has finished: those not seen again long
// after their longest pause.
func (a *attempts) sweep() {
	keep := 4 * a.retry.Max
	if time.Since(a.swept) < keep {
		return
	}
	a.swept = time.Now()
	for sequence, of := range a.by {
		if time.Since(of.last) > keep {
			delete(a.by, sequence)
		}
	}
}
