package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	beat       = 15 * time.Second // keeps proxies from closing a quiet stream
	streamLife = 30 * time.Minute // then the browser asks again, and its session is looked at
	writeLimit = 10 * time.Second
)

// live is the streams of the sessions here, so that they end with their session at once. At
// another replica they notice with the next beat.
type live struct {
	beat time.Duration

	mu sync.Mutex
	of map[string]map[int]context.CancelFunc // by session's token
	n  int
}

func newLive(beat time.Duration) *live {
	return &live{beat: beat, of: map[string]map[int]context.CancelFunc{}}
}

// add keeps how to end a stream, until remove is called.
func (l *live) add(session string, end context.CancelFunc) (remove func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[session] == nil {
		l.of[session] = map[int]context.CancelFunc{}
	}
	l.n++
	n := l.n
	l.of[session][n] = end
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.of[session], n)
		if len(l.of[session]) == 0 {
			delete(l.of, session)
		}
	}
}

// end ends the streams of a session.
func (l *live) end(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range l.of[session] {
		end()
	}
}

// events tells a page that something about the extension changed: server-sent
// events without content, for which the page looks again.
func (s *site) events(w http.ResponseWriter, r *http.Request, v visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer s.live.add(v.session, cancel)()
	changes, err := s.core.Watch(ctx, x)
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
	beats, end := time.NewTicker(s.live.beat), time.NewTimer(streamLife)
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
			if _, err := s.sessions.get(ctx, v.session, false); errors.Is(err, errSignedOut) {
				return nil // at another replica, by an operator, or by time
			}
			line = ": still here\n\n"
		case <-end.C:
			return nil
		case <-s.ending:
			return nil
		case <-ctx.Done():
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
