package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/mycloudpbx/softphone/services/portal"
)

// streamWrite is how long a softphone may take to take what it is told.
const streamWrite = 10 * time.Second

// stream: GET /softphone/events tells a signed-in softphone, as server-sent events,
// its profile at once and whenever it changes (event "profile"), and that it is
// signed in no more (event "signed-out"), which ends the stream.
func (a *api) stream(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	first, err := a.Service.Profile(ctx, bearer(r))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not wait for more
	if r.Method == http.MethodHead {
		return nil
	}
	// Watched before it is read again: no change lies in between.
	changes := a.Service.Follow(ctx, first)
	out := &sse{w: w, control: http.NewResponseController(w)}
	// The server's deadlines are for requests that end: this one would end the context.
	_ = out.control.SetReadDeadline(time.Time{})
	out.send("profile", profileOf(first))

	look := time.NewTimer(0)
	defer look.Stop()
	beat := time.NewTicker(a.heartbeat)
	defer beat.Stop()
	for shown := first; out.err == nil; {
		select {
		case <-a.ending:
			return nil
		case <-ctx.Done():
			return nil
		case <-beat.C:
			out.write(": still here\n\n")
			continue
		case <-changes:
		case <-look.C:
		}
		now, err := a.Service.Profile(ctx, bearer(r))
		switch {
		case errors.Is(err, portal.ErrUnauthorized):
			out.send("signed-out", struct{}{})
			return nil
		case err != nil:
			look.Reset(time.Second)
		case now != shown:
			shown = now
			out.send("profile", profileOf(now))
		}
	}
	return nil
}

// sse writes server-sent events.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *sse) send(event string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		s.err = err
		return
	}
	s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", event, body))
}

func (s *sse) write(text string) {
	if s.err != nil {
		return
	}
	s.err = s.control.SetWriteDeadline(time.Now().Add(streamWrite))
	if errors.Is(s.err, http.ErrNotSupported) {
		s.err = nil
	}
	if s.err == nil {
		_, s.err = s.w.Write([]byte(text))
	}
	if s.err == nil {
		s.err = s.control.Flush()
	}
}
