package portal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// Streams are bounded by watcher, extension and replica, and a stream that ends makes room.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	s := newStreams(streamsPerExtension+1, newMetrics(nil))
	x := events.Extension{Tenant: "acme", Number: "1001"}
	other := events.Extension{Tenant: "acme", Number: "1002"}
	ctx, cancel := context.WithCancel(t.Context())
	opens := func(ctx context.Context, x events.Extension, watcher string) context.CancelFunc {
		t.Helper()
		_, end, err := s.open(ctx, x, watcher)
		if err != nil {
			t.Fatalf("%s of %s: %v", watcher, x, err)
		}
		return end
	}
	refuses := func(x events.Extension, watcher string) {
		t.Helper()
		_, _, err := s.open(t.Context(), x, watcher)
		if many, is := errors.AsType[*TooMany](err); !is || many.Of != OfStreams || many.RetryAfter <= 0 || many.RetryAfter > settled {
			t.Errorf("%s of %s: %v", watcher, x, err)
		}
	}
	for i := range streamsPerExtension {
		opens(ctx, x, fmt.Sprint("device ", i/streamsPerWatcher))
	}
	refuses(x, "device 0")
	refuses(x, "a device more")
	end := opens(t.Context(), other, "a device more")
	refuses(other, "one more")
	end()
	awaits(t, "a stream has ended", func() bool { return s.count() == streamsPerExtension })
	opens(t.Context(), other, "one more")
	cancel()
	awaits(t, "all of the extension have ended", func() bool { return s.count() == 1 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.byExtension) != 1 || len(s.byWatcher) != 1 {
		t.Errorf("%d extensions and %d watchers are kept of one stream", len(s.byExtension), len(s.byWatcher))
	}
}

// A phone that comes back again and again, and whose streams nobody ends, gets a new one: its
// oldest ends for that.
func TestNewStreamReplacesTheOldest(t *testing.T) {
	t.Parallel()
	s := newStreams(0, newMetrics(nil))
	x := events.Extension{Tenant: "acme", Number: "1001"}
	var mine []context.Context
	for range streamsPerWatcher {
		ctx, _, err := s.open(t.Context(), x, "phone")
		if err != nil {
			t.Fatal(err)
		}
		mine = append(mine, ctx)
	}
	for _, o := range s.byWatcher["phone"] {
		o.opened = o.opened.Add(-settled)
	}
	for i := range streamsPerWatcher {
		if _, _, err := s.open(t.Context(), x, "phone"); err != nil {
			t.Fatal(err)
		}
		if mine[i].Err() == nil {
			t.Errorf("stream %d goes on", i)
		}
	}
	if _, _, err := s.open(t.Context(), x, "phone"); err == nil {
		t.Error("streams replace each other without a pause")
	}
	awaits(t, "the old ones have ended", func() bool { return s.count() == streamsPerWatcher })
}

func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

func awaits(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so: %s", what)
		}
	}
}
