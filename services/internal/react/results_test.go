package react_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

func TestHandledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 200)
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "200 events", atLeast(200))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// Each result, side by side, and what is in the dead letters afterwards.
func TestResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 4)
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error {
		n := seen.add(d)
		if d.Attempt != n {
			t.Errorf("event %s: attempt %d of %d", d.Data, d.Attempt, n)
		}
		switch string(d.Data) {
		case "1":
			return react.Permanent(fmt.Errorf("useless: %w", errFar))
		case "2":
			panic("a bug")
		case "3":
			if n < 4 {
				return errFar
			}
		}
		return nil
	})
	seen.await(t, "all results", func(m map[string]int) bool { return len(m) == 4 && m["3"] == 4 })
	w.settled()
	if got := seen.all(); got["0"] != 1 || got["1"] != 1 || got["2"] != 1 || got["3"] != 4 {
		t.Errorf("handled %v", got)
	}
	letters := w.dead()
	if len(letters) != 2 {
		t.Fatalf("%d dead letters, want 2: %v", len(letters), letters)
	}
	for body, reason := range map[string]string{"1": "useless: the far side says no", "2": "panic: a bug"} {
		h := letters[body]
		if h.Get(eventlog.HeaderDeadReason) != reason || h.Get(eventlog.HeaderDeadTenant) != "acme" ||
			h.Get(eventlog.HeaderDeadExtension) != body || h.Get(eventlog.HeaderDeadAttempts) != "1" {
			t.Errorf("dead letter %s: %v", body, h)
		}
	}
}

func TestSlowHandlerKeepsItsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 12)
	config := w.config()
	config.AckWait = 1500 * time.Millisecond
	other := config
	other.Log = w.open()
	seen := newTally()
	slow := func(_ context.Context, d react.Delivery) error {
		seen.add(d)
		time.Sleep(4 * config.AckWait)
		return nil
	}
	w.run(config, slow)
	w.run(other, slow)
	seen.await(t, "12 events", atLeast(12))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := newTally(), newTally()
	a, b := w.config(), w.config()
	b.Log = w.open()
	slow := func(seen *tally) react.Handler {
		return func(_ context.Context, d react.Delivery) error {
			seen.add(d)
			time.Sleep(2 * time.Millisecond)
			return nil
		}
	}
	w.run(a, slow(first))
	w.run(b, slow(second))
	w.publish(0, 500)
	w.eventually("500 events", func() bool { return len(first.all())+len(second.all()) >= 500 })
	w.settled()
	all := first.all()
	for body, n := range second.all() {
		all[body] += n
	}
	if len(all) != 500 || len(first.all()) == 0 || len(second.all()) == 0 {
		t.Errorf("%d and %d events, want 500 shared", len(first.all()), len(second.all()))
	}
	for body, n := range all {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}
