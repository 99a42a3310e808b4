package eventlog

import (
	"context"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/nats-io/nuid"
)

// ahead is how many messages a reader requests and buffers in advance. Twice as many made a worker no faster, and its
// memory depend on how slow Redis is.
const ahead = 512

// Reader reads the log in order from a sequence on. It keeps no position on the server and acknowledges nothing. It
// never resumes by itself: any fault that could have made it miss a message ends it with [ErrGap], and its user starts
// again from a known position.
type Reader struct {
	stop    func()
	pending uint64
	keeps   int           // messages it buffers
	linger  time.Duration // a batch that is not full waits this long for more
	ready   chan struct{} // the buffer may be large enough, or reading has failed
	room    chan struct{} // the buffer was taken, or the reader was closed

	mu     sync.Mutex
	buffer []Message
	left   uint64    // messages on the server, as of the last delivery
	full   time.Time // when the buffer was last filled up
	closed bool
	err    error // the first one
}

// Read starts a reader at a sequence (at least 1), for the messages that match one of the filters. The name identifies
// the reader, for operations.
func (l *Log) Read(ctx context.Context, name string, from uint64, filters ...string) (*Reader, error) {
	return l.read(ctx, start{name: name, from: from, filters: filters})
}

// ReadSince is Read from the first message stored at or after a time.
func (l *Log) ReadSince(ctx context.Context, name string, since time.Time, filters ...string) (*Reader, error) {
	return l.read(ctx, start{name: name, since: since, filters: filters})
}

// ReadPartition starts a reader for the owner of a worker's partition, at a sequence (at least 1). The end of its name
// is unique, so it differs from an earlier owner's.
func (l *Log) ReadPartition(ctx context.Context, worker string, partition int, from uint64) (*Reader, error) {
	durable := PartitionReader(worker, partition)
	return l.read(ctx, start{name: durable + "-" + nuid.Next(), durable: durable, from: from, filters: []string{events.PartitionFilter(partition)}})
}

func (l *Log) read(ctx context.Context, s start) (*Reader, error) {
	r := newReader(ahead)
	var err error
	if r.stop, r.pending, err = l.consume(ctx, s, ahead, r); err != nil {
		return nil, err
	}
	return r, nil
}

func newReader(keeps int) *Reader {
	return &Reader{keeps: keeps, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// Pending is how many messages waited when the reader started.
func (r *Reader) Pending() uint64 { return r.pending }

// Behind is how many messages are known to wait now.
func (r *Reader) Behind() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return uint64(len(r.buffer)) + r.left
}

// Batch waits up to the given time for a message, and returns it with what else has arrived, at most limit. After that
// time the batch is empty. An error comes after all messages before it.
func (r *Reader) Batch(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	end := time.Now().Add(wait)
	least := 1
	if r.linger > 0 {
		least = min(limit, r.keeps)
	}
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		batch, err := r.grab(least, limit)
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		pause := time.Until(end)
		if least > 1 {
			pause = min(pause, r.linger)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-r.ready:
		case <-timer.C:
			least = 1
		}
		timer.Stop()
		if least == 1 && !time.Now().Before(end) {
			return r.grab(least, limit)
		}
	}
}

// grab takes messages from the buffer if there are at least that many or reading has failed.
func (r *Reader) grab(least, limit int) ([]Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := len(r.buffer)
	if have < least && r.err == nil {
		return nil, nil
	}
	if have == 0 {
		return nil, r.err
	}
	batch := r.buffer
	r.buffer = nil
	if have > limit {
		batch, r.buffer = batch[:limit:limit], batch[limit:]
	}
	signal(r.room)
	return batch, nil
}

// Close ends the reader; call it once. The server removes the consumer by itself.
func (r *Reader) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	signal(r.room)
	r.stop()
}

// take waits until there is room.
func (r *Reader) take(m Message, left uint64) {
	for !r.put(m, left) {
		<-r.room
	}
}

// put buffers a message if there is room. After Close it drops the message.
func (r *Reader) put(m Message, left uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return true
	case len(r.buffer) >= r.keeps:
		return false
	case r.buffer == nil && r.linger > 0:
		r.buffer = make([]Message, 0, r.keeps)
	}
	r.buffer, r.left = append(r.buffer, m), left
	full := len(r.buffer) == r.keeps
	if full {
		r.full = time.Now()
	}
	if r.linger == 0 || full {
		signal(r.ready)
	}
	return true
}

// fail ends reading; the first error counts.
func (r *Reader) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	signal(r.ready)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
