package react

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// endless is a consumer that always has messages, and reports how many it was asked for.
type endless struct {
	jetstream.Consumer

	asked chan int
}

func (e endless) Fetch(n int, _ ...jetstream.FetchOpt) (jetstream.MessageBatch, error) {
	e.asked <- n
	all := make(chan jetstream.Msg, n)
	for range n {
		all <- nil
	}
	close(all)
	return batch(all), nil
}

type batch chan jetstream.Msg

func (b batch) Messages() <-chan jetstream.Msg { return b }
func (b batch) Error() error                   { return nil }

// While there is more than slots can take, several ask together; the first asks at
// once, and one that is alone for long does not wait for ever.
func TestSlotsGather(t *testing.T) {
	t.Parallel()
	consumer := endless{asked: make(chan int, 16)}
	f := newFetcher(16, time.Hour)
	got := make(chan error, 16)
	take := func() {
		_, err := f.next(consumer)
		got <- err
	}
	go take()
	if n := <-consumer.asked; n != 1 {
		t.Errorf("the first asks for %d", n)
	}
	<-got
	for range 3 {
		go take()
	}
	for waiting := 0; waiting < 3; { // all of them, and the fourth is not there
		f.mu.Lock()
		waiting = len(f.waiting)
		f.mu.Unlock()
	}
	if len(consumer.asked) != 0 {
		t.Errorf("%d ask before they are several", <-consumer.asked)
	}
	go take()
	if n := <-consumer.asked; n != 4 {
		t.Errorf("%d ask together, want 4", n)
	}
	for range 4 {
		<-got
	}

	f = newFetcher(16, time.Millisecond)
	for range 2 {
		go take()
		if n := <-consumer.asked; n != 1 {
			t.Errorf("alone one asks for %d", n)
		}
		<-got
	}
}
