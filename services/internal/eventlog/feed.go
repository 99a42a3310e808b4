package eventlog

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mycloudpbx/softphone/events"
)

const (
	// joinWait is how long a feed waits for one more partition before it starts, and startLimit how long for all of
	// them.
	joinWait, startLimit = 50 * time.Millisecond, 2 * time.Second

	// togetherLimit is how many messages apart partitions may start and still be read together: the others wait until
	// the first has caught up with them.
	togetherLimit = 50_000

	// feedAhead is how many messages a feed requests in advance.
	feedAhead = 2048

	// linger is how long a batch waits to be full: Redis and the server take 512 events at once for little more than
	// 80.
	linger = 50 * time.Millisecond

	// stuckLimit is how long a partition that takes nothing may hold up the others.
	stuckLimit = 5 * time.Second
)

// Feed reads the partitions of one process together while they are far from the log's end: one consumer delivers every
// message once, and the feed hands it to the reader of its partition. With a consumer for each of 16 partitions the
// server looks at every message 16 times, which was almost half of the cost of a refold.
//
// At the log's end every reader ends with [ErrCaughtUp], and its partition continues with a reader of its own: new
// events should wait for no other partition, and if a log's partitions have several owners, none should read them all
// for ever.
type Feed struct {
	log   *Log
	name  string
	batch int

	mu      sync.Mutex
	waiting []*fed        // to be started
	joined  chan struct{} // signals another one
}

// NewFeed makes a feed. The name identifies the reader, for operations. Its readers wait for batches of this size, and
// buffer that many messages each.
func NewFeed(log *Log, name string, batch int) *Feed {
	return &Feed{log: log, name: name, batch: batch}
}

// fed is the reader of a partition in a feed.
type fed struct {
	*Reader
	partition int
	from      uint64
	ready     chan error
}

// Read starts a reader of everything in a partition, at a sequence (at least 1). It waits a moment for other
// partitions that start nearby. If they are more than half of all partitions they are read together; for fewer,
// useless deliveries would cost more than the server saves.
func (f *Feed) Read(ctx context.Context, partition int, from uint64) (*Reader, error) {
	r := &fed{Reader: newReader(f.batch), partition: partition, from: from, ready: make(chan error, 1)}
	f.join(r)
	select {
	case err := <-r.ready:
		if err != nil {
			return nil, err // there is nothing to close
		}
		return r.Reader, nil
	case <-ctx.Done():
		go func() {
			if err := <-r.ready; err == nil {
				r.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// join adds a waiting reader; the first one starts the wait.
func (f *Feed) join(r *fed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiting) == 0 {
		f.joined = make(chan struct{}, 1)
		go f.gather(f.joined)
	}
	f.waiting = append(f.waiting, r)
	signal(f.joined)
}

// gather waits until no more readers join, and starts those that did.
func (f *Feed) gather(joined <-chan struct{}) {
	end := time.After(startLimit)
	for waiting := true; waiting; {
		select {
		case <-joined:
		case <-time.After(joinWait):
			waiting = false
		case <-end:
			waiting = false
		}
	}
	f.mu.Lock()
	all := f.waiting
	f.waiting = nil
	f.mu.Unlock()
	for _, group := range groups(all) {
		f.start(group)
	}
}

// groups puts readers together that start near each other.
func groups(all []*fed) (apart [][]*fed) {
	slices.SortFunc(all, func(a, b *fed) int { return cmp.Compare(a.from, b.from) })
	for _, r := range all {
		if last := len(apart) - 1; last >= 0 && r.from-apart[last][0].from <= togetherLimit {
			apart[last] = append(apart[last], r)
			continue
		}
		apart = append(apart, []*fed{r})
	}
	return apart
}

// start reads for a group: with one consumer if it is more than half of all partitions, otherwise with one for each.
func (f *Feed) start(group []*fed) {
	if 2*len(group) > events.Partitions {
		s := &shared{}
		for _, r := range group {
			s.readers[r.partition] = append(s.readers[r.partition], r)
		}
		f.consume(group, s, feedAhead)
		return
	}
	for _, r := range group {
		f.consume([]*fed{r}, alone{r.Reader}, ahead, events.PartitionFilter(r.partition))
	}
}

// consume starts a consumer for a group. It stops when all its readers are closed.
func (f *Feed) consume(group []*fed, to sink, ahead int, filters ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), heartbeat)
	defer cancel()
	var open atomic.Int32
	open.Store(int32(len(group)))
	for _, r := range group {
		r.linger = linger // the log's end is near for all of them; a reader of a busy log must not wait
	}
	at := start{name: f.name + "-feed-" + nuid.Next(), from: group[0].from, filters: filters, shared: true}
	if len(filters) == 0 {
		at.durable = FeedReader(f.name) // one is enough: no two processes have more than half of the partitions
	} else {
		at.durable = PartitionReader(f.name, group[0].partition)
	}
	stop, pending, err := f.log.consume(ctx, at, ahead, to)
	if errors.Is(err, errNoConsumer) { // each continues with a reader of its own, which needs none
		stop, err = func() {}, nil
	}
	if err == nil && pending == 0 {
		to.fail(ErrCaughtUp)
	}
	for _, r := range group {
		r.pending = pending / uint64(len(group)) // an estimate
		r.stop = func() {
			if open.Add(-1) == 0 {
				stop()
			}
		}
		r.ready <- err
	}
}

// alone hands messages to one reader, up to the log's end.
type alone struct{ *Reader }

func (a alone) take(m Message, pending uint64) {
	a.Reader.take(m, pending)
	if pending == 0 {
		a.fail(ErrCaughtUp)
	}
}

// shared hands messages to the readers of their partitions, up to the log's end.
type shared struct {
	readers [events.Partitions][]*fed // an owner and its successor may be in one process
}

func (s *shared) take(m Message, pending uint64) {
	if route, is := events.SplitSubject(m.Subject); is && route.Partition >= 0 {
		for _, r := range s.readers[route.Partition] {
			if m.Sequence >= r.from {
				r.offer(m, pending/events.Partitions)
			}
		}
	}
	if pending == 0 {
		s.fail(ErrCaughtUp)
	}
}

func (s *shared) fail(err error) {
	for _, readers := range s.readers {
		for _, r := range readers {
			r.fail(err)
		}
	}
}

// offer hands a message to a reader that may be slow, but not to one that is stuck.
func (r *fed) offer(m Message, left uint64) {
	for !r.put(m, left) {
		patience := time.NewTimer(r.patience())
		select {
		case <-r.room:
			patience.Stop()
		case <-patience.C:
			r.from = beyond
			r.fail(gap(errStuck))
			return
		}
	}
}

func (r *fed) patience() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.full.Add(stuckLimit))
}

// beyond is after all messages.
const beyond = ^uint64(0)
