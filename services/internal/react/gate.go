package react

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go/jetstream"
)

// gate lets slots take work: all of them, one as a probe while paused, none
// while there is no consumer.
type gate struct {
	notify func(err error, began bool) // told when a pause begins, when a probe fails (why), and when it ends (nil)

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every change
	consumer jetstream.Consumer
	interval *backoff.ExponentialBackOff
	closed   bool      // paused
	due      time.Time // of the next probe
	probing  bool      // a probe is under way
	failures uint64    // tries that met the far side away
}

func newGate(probes Bounds, notify func(err error, began bool)) *gate {
	return &gate{notify: notify, changed: make(chan struct{}), interval: probes.Backoff()}
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

// pass is the right to take one message.
type pass struct {
	consumer jetstream.Consumer
	probe    bool
}

// enter waits for the right to take one message.
func (g *gate) enter(ctx context.Context) (pass, error) {
	for {
		p, ok, changed, wait := g.try()
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
			return pass{}, ctx.Err()
		}
	}
}

// try gives a pass, or says what to wait for and how long.
func (g *gate) try() (p pass, ok bool, changed <-chan struct{}, wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.consumer == nil || g.closed && g.probing:
		return pass{}, false, g.changed, time.Hour
	case !g.closed:
		return pass{consumer: g.consumer}, true, nil, 0
	case time.Now().Before(g.due):
		return pass{}, false, g.changed, time.Until(g.due)
	default:
		g.probing = true
		return pass{consumer: g.consumer, probe: true}, true, nil, 0
	}
}

// unused gives a pass back with which nothing was taken.
func (g *gate) unused(p pass) {
	if !p.probe {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	g.change()
}

// begin is told that a try begins, and returns what passed wants to know of it.
func (g *gate) begin() (failures uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failures
}

// passed is told that a message was handled with a result other than Pause. That
// opens the gate, unless another try met the far side away since this one began. It
// need not be a probe: the last messages may be in the hands of slots that asked for
// them before, and then no probe would ever come to one.
func (g *gate) passed(p pass, failures uint64) {
	g.mu.Lock()
	well := g.closed && failures == g.failures
	if p.probe {
		g.probing = false
	}
	if well {
		g.closed = false
		g.interval.Reset()
	}
	if well || p.probe {
		g.change()
	}
	g.mu.Unlock()
	if well {
		g.notify(nil, false)
	}
}

// pause closes the gate, or keeps it closed for longer, and returns for how long.
// Of many slots that meet the same outage, the first counts, and then the probes.
func (g *gate) pause(p pass, reason error) time.Duration {
	g.mu.Lock()
	g.failures++
	wait := time.Until(g.due)
	if !g.closed || p.probe {
		wait = g.interval.NextBackOff()
		g.due = time.Now().Add(wait)
	}
	began := !g.closed
	g.closed = true
	if p.probe {
		g.probing = false
	}
	g.change()
	g.mu.Unlock()
	if began || p.probe {
		g.notify(reason, began)
	}
	return max(wait, time.Millisecond)
}

// attach gives the consumer to take from; nil: there is none.
func (g *gate) attach(consumer jetstream.Consumer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.consumer = consumer
	g.change()
}

// change wakes whoever waits. It is called with the lock held.
func (g *gate) change() {
	close(g.changed)
	g.changed = make(chan struct{})
}
