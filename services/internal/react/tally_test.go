package react_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/react"
)

// tally counts handlings by body and lets tests wait for them.
type tally struct {
	mu      sync.Mutex
	counts  map[string]int
	changed chan struct{}
}

func newTally() *tally { return &tally{counts: map[string]int{}, changed: make(chan struct{})} }

func (c *tally) add(d react.Delivery) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[string(d.Data)]++
	close(c.changed)
	c.changed = make(chan struct{})
	return c.counts[string(d.Data)]
}

func (c *tally) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

func (c *tally) await(t *testing.T, what string, enough func(map[string]int) bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if enough(c.all()) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s did not happen: %v", what, c.all())
		}
	}
}

func atLeast(n int) func(map[string]int) bool {
	return func(m map[string]int) bool { return len(m) >= n }
}
