package namesync

import (
	"context"
	"sync"

	"github.com/mycloudpbx/softphone/events"
)

// turns lets one at a time work on an extension. The zero turns is ready.
type turns struct {
	mu   sync.Mutex
	busy map[events.Extension]chan struct{} // closed when the turn is over
}

// take waits for a turn, which done ends, or for the context's end.
func (t *turns) take(ctx context.Context, key events.Extension) (done func(), err error) {
	for {
		before := t.try(key)
		if before == nil {
			return func() { t.end(key) }, nil
		}
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try begins a turn, or returns what closes when another's is over.
func (t *turns) try(key events.Extension) (before <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if busy := t.busy[key]; busy != nil {
		return busy
	}
	if t.busy == nil {
		t.busy = map[events.Extension]chan struct{}{}
	}
	t.busy[key] = make(chan struct{})
	return nil
}

func (t *turns) end(key events.Extension) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.busy[key])
	delete(t.busy, key)
}
