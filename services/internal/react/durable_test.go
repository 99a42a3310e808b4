package react_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

func TestServerRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, reports := w.config(), newHealth()
	config.Health = reports
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	w.publish(0, 50)
	seen.await(t, "50 events", atLeast(50))
	w.settled()

	w.server.Stop()
	w.eventually("health says that the log is away", func() bool { return reports.get(reports.notReady, "pusher log") != nil })
	w.server.Start()
	w.eventually("health says that the log is back", func() bool { return reports.get(reports.notReady, "pusher log") == nil })
	w.publish(50, 50)
	seen.await(t, "50 more", atLeast(100))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// A deleted durable is made again. What was handled comes again, and the handler
// finds that out by itself.
func TestConsumerDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 10)
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "10 events", atLeast(10))
	w.settled()
	if err := w.log.JetStream().DeleteConsumer(t.Context(), events.Stream, "pusher"); err != nil {
		t.Fatal(err)
	}
	w.publish(10, 10)
	seen.await(t, "10 more", atLeast(20))
	w.settled()
}

func TestPositionSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 10)
	seen := newTally()
	handle := func(_ context.Context, d react.Delivery) error { seen.add(d); return nil }
	stop := w.run(w.config(), handle)
	seen.await(t, "10 events", atLeast(10))
	w.settled()
	stop()
	w.publish(10, 10)
	changed := w.config()
	changed.AckWait, changed.Inputs = time.Minute, append(changed.Inputs, events.Input{Source: "pbx", Name: "Other"})
	w.run(changed, handle) // a new version, which reads more
	seen.await(t, "10 more", atLeast(20))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// The stream alone lost its tail while nobody ran: the server sets the durable
// back to the end, so that what comes is neither skipped nor repeated.
func TestLostTail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := newTally()
	handle := func(_ context.Context, d react.Delivery) error { seen.add(d); return nil }
	w.publish(0, 5)
	w.server.Stop()
	copied := w.server.CopyStore()
	w.server.Start()
	w.connected()
	w.publish(5, 5)
	stop := w.run(w.config(), handle)
	w.settled()
	stop()
	w.server.Stop()
	keep := t.TempDir()
	stored := filepath.Join("jetstream", "$G", "streams", events.Stream, "obs")
	if err := os.CopyFS(keep, os.DirFS(filepath.Join(w.server.Dir(), stored))); err != nil {
		t.Fatal(err)
	}
	w.server.PutBackStore(copied)
	if err := os.RemoveAll(filepath.Join(w.server.Dir(), stored)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(w.server.Dir(), stored), os.DirFS(keep)); err != nil {
		t.Fatal(err)
	}
	w.server.Start()
	w.connected()
	w.run(w.config(), handle)
	w.publish(10, 5)
	seen.await(t, "what came after the loss", atLeast(15))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// A durable that somebody paused gets no work: health names it, and says how to go on.
func TestConsumerPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen, health := newTally(), make(chan error, 100)
	c := w.config()
	c.Health = notes(health)
	w.run(c, func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	w.publish(0, 1)
	seen.await(t, "an event", atLeast(1))
	if _, err := w.log.JetStream().PauseConsumer(t.Context(), events.Stream, "pusher", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for end := time.After(time.Minute); ; {
		select {
		case err := <-health:
			if err == nil || !strings.Contains(err.Error(), "nats consumer resume SOFTPHONE pusher") {
				continue
			}
		case <-end:
			t.Fatal("health never said that the consumer is paused")
		}
		break
	}
	w.publish(1, 1)
	if _, err := w.log.JetStream().ResumeConsumer(t.Context(), events.Stream, "pusher"); err != nil {
		t.Fatal(err)
	}
	seen.await(t, "another event", atLeast(2))
	w.eventually("health is well", func() bool { return <-health == nil })
}

// notes are what health received.
type notes chan error

func (notes) Broken(string, error) {}

func (n notes) NotReady(_ string, err error) {
	select {
	case n <- err:
	default:
	}
}
