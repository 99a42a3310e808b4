package react_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mycloudpbx/softphone/services/internal/react"
)

func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	begun, finish, finished := make(chan struct{}), make(chan struct{}), make(chan struct{})
	stop := w.run(w.config(), func(ctx context.Context, _ react.Delivery) error {
		close(begun)
		<-finish
		defer close(finished)
		return ctx.Err()
	})
	<-begun
	time.AfterFunc(100*time.Millisecond, func() { close(finish) })
	stop()
	select {
	case <-finished:
	default:
		t.Fatal("it stopped before the handler")
	}
	w.settled() // acknowledged, though it was stopping
}

func TestGraceEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	config := w.config()
	config.Grace = 50 * time.Millisecond
	begun := make(chan struct{})
	stop := w.run(config, func(ctx context.Context, _ react.Delivery) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	<-begun
	stop()
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "the event, by the next process and long before AckWait", atLeast(1))
}

func TestNothingIsLeftRunning(t *testing.T) {
	w := newWorld(t)
	seen := newTally()
	handle := func(_ context.Context, d react.Delivery) error { seen.add(d); return nil }
	first := w.run(w.config(), handle)
	w.publish(0, 1)
	seen.await(t, "an event", atLeast(1))
	first()
	before := goleak.IgnoreCurrent() // the server's goroutines for the durable stay
	stop := w.run(w.config(), handle)
	w.publish(1, 19)
	seen.await(t, "20 events", atLeast(20))
	stop()
	goleak.VerifyNone(t, before)
}
