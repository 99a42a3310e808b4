package react_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, giveUp := range map[string]bool{"dead letter": false, "GiveUp": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(0, 1)
			config := w.config()
			config.Deadline, config.MinAttempts = time.Millisecond, 4
			var given atomic.Int64
			if giveUp {
				config.GiveUp = func(_ context.Context, d react.Delivery, last error) error {
					if d.Attempt < 4 || !errors.Is(last, errFar) {
						t.Errorf("given up at attempt %d with %v", d.Attempt, last)
					}
					if given.Add(1) == 1 {
						return errors.New("the log is away") // and so: later
					}
					return nil
				}
			}
			seen := newTally()
			w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return errFar })
			seen.await(t, "the last attempt", func(m map[string]int) bool { return m["0"] >= 4 })
			w.settled()
			if letters, want := len(w.dead()), map[bool]int{false: 1}[giveUp]; letters != want {
				t.Errorf("%d dead letters, want %d", letters, want)
			}
			if giveUp && given.Load() != 2 {
				t.Errorf("given up %d times, want 2: one that failed, one that did not", given.Load())
			}
			if n := seen.all()["0"]; !giveUp && n != 4 {
				t.Errorf("%d attempts, want 4 although it was too old from the first", n)
			}
		})
	}
}

// An event older than the deadline because of an outage of the far side is not
// given up for it.
func TestPauseCountsAgainstNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	config := w.config()
	config.Deadline, config.MinAttempts = time.Millisecond, 2
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		switch n := seen.add(d); {
		case n <= 5:
			return react.Pause(errFar)
		case n == 6:
			if d.Attempt != 1 {
				t.Errorf("attempt %d after an outage, want 1", d.Attempt)
			}
			return errFar
		default:
			return nil
		}
	})
	seen.await(t, "the outage and two tries", func(m map[string]int) bool { return m["0"] == 7 })
	w.settled()
	if letters := w.dead(); len(letters) != 0 {
		t.Errorf("dead letters: %v", letters)
	}
}

// FACTS: with the default MaxAckPending, 1000 messages in backoff let 0 of 50
// good ones through.
func TestBackoffStarvesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1000)
	config := w.config()
	config.Retry = react.Bounds{First: time.Hour, Max: time.Hour}
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		seen.add(d)
		if n, _ := strconv.Atoi(string(d.Data)); n < 1000 {
			return errFar
		}
		return nil
	})
	seen.await(t, "1000 failures", atLeast(1000))
	began := time.Now()
	w.publish(1000, 50)
	seen.await(t, "50 good ones", atLeast(1050))
	t.Logf("50 events beside 1000 in backoff: %v", time.Since(began))
	c, err := w.log.JetStream().Consumer(t.Context(), events.Stream, "pusher")
	if err != nil || c.CachedInfo().NumAckPending < 1000 {
		t.Errorf("in backoff: %d, %v; want 1000", c.CachedInfo().NumAckPending, err)
	}
}

// What is not its turn comes again after the while that was asked for, without a
// mark against it, and the far side is not held to be back by it.
func TestLaterCountsForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	seen := newTally()
	config, reports := w.config(), newHealth()
	config.Health, config.Deadline, config.MinAttempts = reports, time.Nanosecond, 1
	config.GiveUp = func(context.Context, react.Delivery, error) error { t.Error("given up"); return nil }
	config.Postponed = func(context.Context, react.Delivery, react.Postponement) { t.Error("reported as a failure") }
	w.run(config, func(_ context.Context, d react.Delivery) error {
		n := seen.add(d)
		if d.Attempt != 1 || d.Delivered != n {
			t.Errorf("attempt %d, delivery %d at the %d. time", d.Attempt, d.Delivered, n)
		}
		if n <= 4 {
			return react.Defer(errors.New("not its turn"), time.Millisecond, react.NotTried)
		}
		return nil
	})
	seen.await(t, "a fifth delivery", func(counts map[string]int) bool { return counts["0"] == 5 })
	w.settled()
}
