package web

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	beat       = 15 * time.Second // keeps proxies from closing a quiet stream
	streamLife = 30 * time.Minute // then the browser asks again, and its session is looked at
	writeLimit = 10 * time.Second
)

// events tells a page that something about the extension changed: server-sent
// events without content, for which the page looks again.
func (s *site) events(w http.ResponseWriter, r *http.Request, _ visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	changes, err := s.core.Watch(r.Context(), x)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return nil
	}
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	beats, end := time.NewTicker(beat), time.NewTimer(streamLife)
	defer beats.Stop()
	defer end.Stop()
	for line := ": watching\nretry: 2000\n\n"; ; {
		if err := send(w, line); err != nil {
			return nil // the browser is gone
		}
		select {
		case change, open := <-changes:
			if !open {
				return nil
			}
			line = fmt.Sprintf("data: %d\n\n", change.Sequence)
		case <-beats.C:
			line = ": still here\n\n"
		case <-end.C:
			return nil
		case <-s.ending:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// send writes a piece of a stream now. The server's limits are for whole requests and answers.
func send(w http.ResponseWriter, text string) error {
	c := http.NewResponseController(w)
	if err := c.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := fmt.Fprint(w, text); err != nil {
		return err
	}
	return c.Flush()
}
