package react_test

import (
	"fmt"
	"sync"
)

// health records what the reactor reported.
type health struct {
	mu       sync.Mutex
	broken   map[string]error
	notReady map[string]error
	log      []string
}

func newHealth() *health {
	return &health{broken: map[string]error{}, notReady: map[string]error{}}
}

func (h *health) Broken(part string, err error)   { h.set(h.broken, "broken", part, err) }
func (h *health) NotReady(part string, err error) { h.set(h.notReady, "not ready", part, err) }

func (h *health) set(m map[string]error, state, part string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if (m[part] == nil) != (err == nil) {
		h.log = append(h.log, fmt.Sprint(part, " ", state, " ", err != nil))
	}
	m[part] = err
}

func (h *health) get(m map[string]error, part string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return m[part]
}
