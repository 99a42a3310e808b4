package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// streamWrite is how long a softphone may take to take what it is told.
const streamWrite = 10 * time.Second

// stream: GET /softphone/events tells a signed-in softphone, as server-sent events,
// its profile at once and whenever it changes (event "profile"), and that it is
// signed in no more (event "signed-out"), which ends the stream.
func (a *api) stream(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodHead {
		if _, err := a.Service.Profile(r.Context(), bearer(r)); err != nil {
			return err
		}
		streamHeaders(w)
		return nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	news, err := a.Service.Follow(ctx, bearer(r))
	if err != nil {
		return err
	}
	streamHeaders(w)
	out := &sse{w: w, control: http.NewResponseController(w)}
	// The server's deadlines are for requests that end: this one would end the context.
	_ = out.control.SetReadDeadline(time.Time{})
	beat := time.NewTicker(a.heartbeat)
	defer beat.Stop()
	for out.err == nil {
		select {
		case <-a.ending:
			return nil
		case <-beat.C:
			out.write(": still here\n\n")
		case now, open := <-news:
			switch {
			case !open:
				return nil
			case now.SignedOut:
				out.send("signed-out", struct{}{})
				return nil
			}
			out.send("profile", profileOf(now.Profile))
		}
	}
	return nil
}

func streamHeaders(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not wait for more
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
