package react

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// fetcher gets messages for the slots that wait for one. It pulls for all of them at once, because a pull costs the
// server more than a message does, and only for them, because a message that waits for a slot uses up its AckWait.
// While there are more messages than slots, it waits until several slots are free before it pulls again.
type fetcher struct {
	several  int           // so many free slots are worth a pull
	delay    time.Duration // how long it waits for them
	gathered chan struct{} // signals that so many wait

	mu       sync.Mutex
	waiting  []chan<- fetched
	consumer jetstream.Consumer
	fetching bool
	fetches  sync.WaitGroup
}

func newFetcher(slots int, delay time.Duration) *fetcher {
	return &fetcher{several: max(1, slots/4), delay: delay, gathered: make(chan struct{}, 1)}
}

// fetched is a message, or why there is none.
type fetched struct {
	message jetstream.Msg
	err     error
}

// next waits for a message. It returns nats.ErrTimeout when there was none during a pull.
func (f *fetcher) next(consumer jetstream.Consumer) (jetstream.Msg, error) {
	own := make(chan fetched, 1)
	f.mu.Lock()
	f.waiting, f.consumer = append(f.waiting, own), consumer
	if len(f.waiting) == f.several {
		select {
		case f.gathered <- struct{}{}:
		default:
		}
	}
	if !f.fetching {
		f.fetching = true
		f.fetches.Go(f.fetch)
	}
	f.mu.Unlock()
	got := <-own
	return got.message, got.err
}

// fetch pulls as long as a slot waits.
func (f *fetcher) fetch() {
	for {
		f.mu.Lock()
		n, consumer := len(f.waiting), f.consumer
		f.fetching = n > 0
		f.mu.Unlock()
		if n == 0 {
			return
		}
		left := n
		batch, err := consumer.Fetch(n, jetstream.FetchMaxWait(pullTimeout))
		if err == nil {
			for m := range batch.Messages() {
				f.hand(fetched{message: m})
				left--
			}
			err = batch.Error()
		}
		if err == nil {
			err = nats.ErrTimeout
		}
		if left == 0 {
			f.gather()
		}
		for ; left > 0; left-- { // slots that came meanwhile are in the next pull
			f.hand(fetched{err: err})
		}
	}
}

// gather waits until several slots are free, but not for longer than the delay.
func (f *fetcher) gather() {
	f.mu.Lock()
	select {
	case <-f.gathered: // an old signal
	default:
	}
	enough := len(f.waiting) >= f.several
	f.mu.Unlock()
	if enough {
		return
	}
	timer := time.NewTimer(f.delay)
	defer timer.Stop()
	select {
	case <-f.gathered:
	case <-timer.C:
	}
}

// hand gives a result to the slot that waits longest. Waiters never give up, so the queue is not empty.
func (f *fetcher) hand(result fetched) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting[0] <- result
	f.waiting = f.waiting[1:]
}
