package react_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

func TestStreamRecreatedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 5)
	config, reports := w.config(), newHealth()
	config.Health = reports
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "5 events", atLeast(5))
	w.settled()

	js := w.log.JetStream()
	if err := js.DeleteStream(t.Context(), events.Stream); err != nil {
		t.Fatal(err)
	}
	if err := eventlog.Ensure(t.Context(), js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	w.publish(100, 5)
	w.eventually("it refuses", func() bool { return reports.get(reports.broken, "pusher log") != nil })
	var refusal *react.Refusal
	if err := reports.get(reports.broken, "pusher log"); !errors.As(err, &refusal) || strings.Count(err.Error(), "created 20") != 2 {
		t.Errorf("refusal %v, want one that names both creation times", err)
	}
	time.Sleep(3 * config.Check) // a time in which nothing is to happen
	if got := slices.Sorted(maps.Keys(seen.all())); len(got) != 5 {
		t.Errorf("took events of another log: %v", got)
	}
}

// By its metadata and its position, the durable worked on another log.
func TestDurableOfAnotherLogIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	stop := w.run(w.config(), func(context.Context, react.Delivery) error { return nil })
	w.settled()
	stop()
	js := w.log.JetStream()
	c, err := js.Consumer(t.Context(), events.Stream, "pusher")
	if err != nil {
		t.Fatal(err)
	}
	began := c.CachedInfo().Config
	began.Metadata["softphone-stream-created"] = "2020-01-01T00:00:00Z"
	if _, err := js.UpdateConsumer(t.Context(), events.Stream, began); err != nil {
		t.Fatal(err)
	}
	config, reports := w.config(), newHealth()
	config.Health = reports
	w.run(config, func(context.Context, react.Delivery) error { t.Error("took an event"); return nil })
	w.publish(1, 1)
	w.eventually("it refuses", func() bool { return reports.get(reports.broken, "pusher log") != nil })
	if err := reports.get(reports.broken, "pusher log"); !strings.Contains(err.Error(), "2020-01-01") {
		t.Errorf("refusal %v", err)
	}
}

// The whole store is put back to an older copy, consumer and all.
func TestOlderCopyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, reports := w.config(), newHealth()
	config.Health = reports
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	w.publish(0, 5)
	seen.await(t, "5 events", atLeast(5))
	w.settled()
	w.server.Stop()
	copied := w.server.CopyStore()
	w.server.Start()
	w.connected()
	w.publish(5, 5)
	seen.await(t, "5 more", atLeast(10))
	w.settled()
	w.server.Stop()
	w.server.PutBackStore(copied)
	w.server.Start()
	w.eventually("it refuses", func() bool { return reports.get(reports.broken, "pusher log") != nil })
	err := reports.get(reports.broken, "pusher log").Error()
	if !strings.Contains(err, "ends at sequence 5") || !strings.Contains(err, "has had sequence 10") {
		t.Errorf("refusal %v", err)
	}
}
