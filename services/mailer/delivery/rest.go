package delivery

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// rest is how a server that is away or refuses us is left alone: for a while that
// doubles, and then one mail sees whether that is over.
type rest struct {
	mu      sync.Mutex
	pauses  *backoff.ExponentialBackOff
	until   time.Time
	resting bool
	trying  bool // one mail is on its way to see
}

// Rest bounds the while, from its first to its longest.
type Rest struct{ First, Max time.Duration }

// DefaultRest is short enough that a server that was restarted is soon used again.
func DefaultRest() Rest { return Rest{First: 5 * time.Second, Max: 5 * time.Minute} }

func (r Rest) pauses() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(r.First), backoff.WithMaxInterval(r.Max),
		backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.2), backoff.WithMaxElapsedTime(0))
}

// enter says whether a mail may go to the server now.
func (r *rest) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.resting {
		return true
	}
	if r.trying || time.Now().Before(r.until) {
		return false
	}
	r.trying = true
	return true
}

// away makes the server rest, and says for how long; 0: it did so already. Of many
// mails that meet the same outage the first counts, and then those that see whether
// it is over.
func (r *rest) away() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.resting && !r.trying && time.Now().Before(r.until) {
		return 0
	}
	pause := r.pauses.NextBackOff()
	r.resting, r.trying, r.until = true, false, time.Now().Add(pause)
	return pause
}

// back ends the rest, and says whether there was one.
func (r *rest) back() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.resting
	r.resting, r.trying = false, false
	r.pauses.Reset()
	return was
}

// unknown is the end of a mail that says nothing about the server: it was canceled.
func (r *rest) unknown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trying = false
}
