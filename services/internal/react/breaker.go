package react

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go/jetstream"
)

// breaker is a circuit breaker. Closed, it lets all slots take messages; open, only one at a time as a probe, with
// growing pauses between them; without a consumer, none.
type breaker struct {
	notify func(err error, began bool) // called when it opens, when a probe fails (why), and when it closes (nil)

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every change
	consumer jetstream.Consumer
	interval *backoff.ExponentialBackOff
	open     bool      // work is paused
	due      time.Time // of the next probe
	probing  bool      // a probe is under way
	failures uint64    // attempts that found the far side away
}

func newBreaker(probes Bounds, notify func(err error, began bool)) *breaker {
	return &breaker{notify: notify, changed: make(chan struct{}), interval: probes.Backoff()}
}

// Backoff is a series of such pauses, without an end.
func (b Bounds) Backoff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(b.First),
		backoff.WithMaxInterval(b.Max),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.2),
		backoff.WithMaxElapsedTime(0), // for ever
	)
}

// permit is the right to take one message.
type permit struct {
	consumer jetstream.Consumer
	probe    bool
}

// acquire waits for a permit. It returns the context's error when that ends.
func (b *breaker) acquire(ctx context.Context) (permit, error) {
	for {
		p, ok, changed, wait := b.try()
		if ok {
			return p, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return permit{}, ctx.Err()
		}
	}
}

// try gives a permit, or says what to wait for and how long.
func (b *breaker) try() (p permit, ok bool, changed <-chan struct{}, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.consumer == nil || b.open && b.probing:
		return permit{}, false, b.changed, time.Hour
	case !b.open:
		return permit{consumer: b.consumer}, true, nil, 0
	case time.Now().Before(b.due):
		return permit{}, false, b.changed, time.Until(b.due)
	default:
		b.probing = true
		return permit{consumer: b.consumer, probe: true}, true, nil, 0
	}
}

// unused gives back a permit whose use says nothing about the far side.
func (b *breaker) unused(p permit) {
	if !p.probe {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	b.change()
}

// begin records the start of an attempt and returns the current failure count.
func (b *breaker) begin() (failures uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures
}

// passed records an attempt in which the far side answered. That closes the breaker, unless another attempt found the
// far side away since this one began. It need not be a probe: the last messages may be with slots that took them
// before the breaker opened, and then no probe would ever get one.
func (b *breaker) passed(p permit, failures uint64) {
	b.mu.Lock()
	well := b.open && failures == b.failures
	if p.probe {
		b.probing = false
	}
	if well {
		b.open = false
		b.interval.Reset()
	}
	if well || p.probe {
		b.change()
	}
	b.mu.Unlock()
	if well {
		b.notify(nil, false)
	}
}

// trip opens the breaker, or keeps it open for longer, and returns for how long. Of many slots that meet the same
// outage, the first counts, and then the probes.
func (b *breaker) trip(p permit, reason error) time.Duration {
	b.mu.Lock()
	b.failures++
	wait := time.Until(b.due)
	if !b.open || p.probe {
		wait = b.interval.NextBackOff()
		b.due = time.Now().Add(wait)
	}
	began := !b.open
	b.open = true
	if p.probe {
		b.probing = false
	}
	b.change()
	b.mu.Unlock()
	if began || p.probe {
		b.notify(reason, began)
	}
	return max(wait, time.Millisecond)
}

// attach sets the consumer to take messages from; nil: there is none.
func (b *breaker) attach(consumer jetstream.Consumer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.consumer = consumer
	b.change()
}

// change wakes all waiters. The caller holds the lock.
func (b *breaker) change() {
	close(b.changed)
	b.changed = make(chan struct{})
}
