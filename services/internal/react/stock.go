package react

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stock gets messages for the slots that wait for one: for all of them together,
// as a pull costs the server more than a message does, and for none but them, as a
// message that waits for a slot uses up its AckWait. While there are more messages
// than slots, those that are free gather before it pulls again.
type stock struct {
	several  int           // so many are worth a pull then
	lull     time.Duration // how long they wait for each other
	gathered chan struct{} // so many wait

	mu       sync.Mutex
	waiting  []chan<- pulled
	consumer jetstream.Consumer // to ask
	asking   bool
	asks     sync.WaitGroup
}

func newStock(slots int, lull time.Duration) *stock {
	return &stock{several: max(1, slots/4), lull: lull, gathered: make(chan struct{}, 1)}
}

// pulled is what a slot gets: a message, or why there is none.
type pulled struct {
	message jetstream.Msg
	err     error
}

// take waits for a message. nats.ErrTimeout says that there was none for a while.
func (s *stock) take(consumer jetstream.Consumer) (jetstream.Msg, error) {
	own := make(chan pulled, 1)
	s.mu.Lock()
	s.waiting, s.consumer = append(s.waiting, own), consumer
	if len(s.waiting) == s.several {
		select {
		case s.gathered <- struct{}{}:
		default:
		}
	}
	if !s.asking {
		s.asking = true
		s.asks.Go(s.ask)
	}
	s.mu.Unlock()
	got := <-own
	return got.message, got.err
}

// ask pulls as long as somebody waits.
func (s *stock) ask() {
	for {
		s.mu.Lock()
		n, consumer := len(s.waiting), s.consumer
		s.asking = n > 0
		s.mu.Unlock()
		if n == 0 {
			return
		}
		left := n
		batch, err := consumer.Fetch(n, jetstream.FetchMaxWait(pull))
		if err == nil {
			for m := range batch.Messages() {
				s.give(pulled{message: m})
				left--
			}
			err = batch.Error()
		}
		if err == nil {
			err = nats.ErrTimeout
		}
		if left == 0 {
			s.gather()
		}
		for ; left > 0; left-- { // who came meanwhile is in the next pull
			s.give(pulled{err: err})
		}
	}
}

// gather waits a moment for several slots to be free.
func (s *stock) gather() {
	s.mu.Lock()
	select {
	case <-s.gathered: // before now
	default:
	}
	enough := len(s.waiting) >= s.several
	s.mu.Unlock()
	if enough {
		return
	}
	timer := time.NewTimer(s.lull)
	defer timer.Stop()
	select {
	case <-s.gathered:
	case <-timer.C:
	}
}

// give to who waits longest. Nobody leaves without, so somebody is there.
func (s *stock) give(p pulled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[0] <- p
	s.waiting = s.waiting[1:]
}
