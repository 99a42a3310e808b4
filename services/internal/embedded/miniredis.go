package embedded

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// Miniredis is a Redis inside this process that keeps everything in memory.
type Miniredis struct{ server *miniredis.Miniredis }

// StartMiniredis starts the stand-in for redis-server. It forgets everything at its end, which is honest only for state
// that is rebuilt from a log at every start, and it expires no keys by itself.
func StartMiniredis() (*Miniredis, error) {
	s, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("miniredis: %w", err)
	}
	return &Miniredis{s}, nil
}

// URL is what redis.ParseURL takes.
func (m *Miniredis) URL() string { return "redis://" + m.server.Addr() + "/0" }

// Close stops the server.
func (m *Miniredis) Close() { m.server.Close() }
