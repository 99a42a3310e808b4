package portal

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// What one replica streams at a time. Each stream is a connection, a goroutine and some
// 50 KB, and wakes with every change of its extension.
const (
	streamsPerWatcher   = 6   // a device or an administrator's session; a browser opens 6 connections to a host over HTTP/1.1
	streamsPerExtension = 160 // a license has at most events.MaxDeviceLimit devices, and some of them come twice while they change networks

	// Streams is the usual number for a replica.
	Streams = 10_000

	// settled is how old a stream is when a new one of the same watcher may take its place.
	// A phone that changes networks leaves streams behind that nobody ends for minutes: it
	// must get a new one. One that opens hundreds is refused until then.
	settled = 30 * time.Second
)

// streams counts and bounds them.
type streams struct {
	most    int
	metrics *metrics

	mu          sync.Mutex
	all         int
	byExtension map[events.Extension]int
	byWatcher   map[string][]*stream // in the order they were opened
}

type stream struct {
	opened time.Time
	end    context.CancelFunc
}

func newStreams(most int, m *metrics) *streams {
	if most == 0 {
		most = Streams
	}
	return &streams{most: most, metrics: m, byExtension: map[events.Extension]int{}, byWatcher: map[string][]*stream{}}
}

// open makes room for a stream, or returns *[TooMany]. The stream lasts as long as the
// context it returns, which ends with the one given, when end is called, and when a newer
// stream of the watcher takes its place.
func (s *streams) open(ctx context.Context, x events.Extension, watcher string) (_ context.Context, end context.CancelFunc, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(x, watcher); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	opened := &stream{opened: time.Now(), end: cancel}
	s.all++
	s.byExtension[x]++
	s.byWatcher[watcher] = append(s.byWatcher[watcher], opened)
	s.metrics.streams.Inc()
	context.AfterFunc(ctx, func() { s.ended(x, watcher, opened) })
	return ctx, cancel, nil
}

// room says whether there is any, and ends the watcher's oldest stream where that makes it.
func (s *streams) room(x events.Extension, watcher string) error {
	mine := s.byWatcher[watcher]
	full := len(mine) >= streamsPerWatcher
	if full {
		if wait := settled - time.Since(mine[0].opened); wait > 0 {
			return s.refuse("watcher", wait)
		}
	}
	switch {
	case s.byExtension[x] >= streamsPerExtension:
		return s.refuse("extension", settled)
	case s.all >= s.most:
		return s.refuse("process", settled)
	}
	if full {
		mine[0].end()
		s.byWatcher[watcher] = mine[1:] // its place is free now, not when its goroutine comes to it
	}
	return nil
}

func (s *streams) refuse(which string, wait time.Duration) error {
	s.metrics.limited.WithLabelValues("streams-" + which).Inc()
	return &TooMany{Of: OfStreams, RetryAfter: wait}
}

func (s *streams) ended(x events.Extension, watcher string, closed *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	s.metrics.streams.Dec()
	if s.byExtension[x]--; s.byExtension[x] == 0 {
		delete(s.byExtension, x)
	}
	s.byWatcher[watcher] = slices.DeleteFunc(slices.Clone(s.byWatcher[watcher]), func(o *stream) bool { return o == closed })
	if len(s.byWatcher[watcher]) == 0 {
		delete(s.byWatcher, watcher)
	}
}
