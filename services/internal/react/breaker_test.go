package react_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, reports := w.config(), newHealth()
	config.Health = reports
	var lines servertest.Lines
	config.Logger = zerolog.New(&lines).Level(zerolog.InfoLevel)
	var away atomic.Bool
	var atOnce, most, tries atomic.Int64
	away.Store(true)
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		if away.Load() {
			tries.Add(1)
			// After the first failures only one at a time may try.
			if n := atOnce.Add(1); tries.Load() > int64(2*8) && n > most.Load() {
				most.Store(n)
			}
			defer atOnce.Add(-1)
			return react.Pause(errFar)
		}
		seen.add(d)
		return nil
	})
	w.publish(0, 300)
	w.eventually("probes", func() bool { return tries.Load() > 20 })
	if err := reports.get(reports.notReady, "pusher"); !errors.Is(err, errFar) {
		t.Errorf("readiness says %v while paused", err)
	}
	before := tries.Load()
	time.Sleep(300 * time.Millisecond) // a time in which nothing is to happen is the only signal there is
	if n := tries.Load() - before; n > 15 {
		t.Errorf("%d tries in 300 ms with probes 80 to 120 ms apart", n)
	}
	if most.Load() > 1 {
		t.Errorf("%d probes at a time", most.Load())
	}
	away.Store(false)
	seen.await(t, "all 300 after the outage", atLeast(300))
	w.settled()
	if err := reports.get(reports.notReady, "pusher"); err != nil {
		t.Errorf("readiness says %v after the outage", err)
	}
	for line, want := range map[string]int{"work is paused": 1, "working again": 1, "postponed": 0} {
		if n := lines.Count(line); n != want {
			t.Errorf("%d lines say %q, want %d:\n%s", n, line, want, &lines)
		}
	}
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// The one message there is goes to a slot that asked for it before the pause began,
// and no probe ever sees one: the pause ends all the same.
func TestPauseEndsWithTheLastMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, reports := w.config(), newHealth()
	config.Health = reports
	var failed atomic.Bool
	w.run(config, func(context.Context, react.Delivery) error {
		if failed.CompareAndSwap(false, true) {
			return react.Pause(errFar)
		}
		return nil
	})
	w.publish(0, 1)
	w.eventually("a pause", failed.Load)
	w.settled()
	w.eventually("readiness is back", func() bool { return reports.get(reports.notReady, "pusher") == nil })
}

// The far side answers again, if only that it is not the event's turn: that ends the
// pause, though no event is done.
func TestAnsweredEndsAPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, reports := w.config(), newHealth()
	config.Health = reports
	var away atomic.Bool
	away.Store(true)
	w.run(config, func(context.Context, react.Delivery) error {
		if away.Load() {
			return react.Pause(errFar)
		}
		return react.Defer(errors.New("not its turn"), time.Hour, react.Answered)
	})
	w.publish(0, 1)
	w.eventually("readiness says why", func() bool { return errors.Is(reports.get(reports.notReady, "pusher"), errFar) })
	away.Store(false)
	w.eventually("readiness is back", func() bool { return reports.get(reports.notReady, "pusher") == nil })
}

// What is done without the far side says nothing of it: the pause goes on, and the
// others go on meanwhile.
func TestAsideEndsNoPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, reports := w.config(), newHealth()
	config.Health = reports
	config.Concurrency = 1
	var away atomic.Bool
	away.Store(true)
	paused, seen := make(chan struct{}, 1000), newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		if string(d.Data) == "0" && away.Load() {
			paused <- struct{}{}
			return react.Pause(errFar)
		}
		if seen.add(d); string(d.Data) == "0" {
			return nil
		}
		if err := reports.get(reports.notReady, "pusher"); !errors.Is(err, errFar) {
			t.Errorf("event %s is done while readiness says %v", d.Data, err)
		}
		return react.Skip()
	})
	w.publish(0, 1)
	<-paused
	w.publish(1, 20)
	seen.await(t, "the others", atLeast(20))
	away.Store(false)
	seen.await(t, "all", atLeast(21))
	w.settled()
	w.eventually("readiness is back", func() bool { return reports.get(reports.notReady, "pusher") == nil })
}
