package process

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// A start must survive a server that dies between the connection and the answers,
// whatever is under way then.
func TestAwait(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ harm, mend func(*servertest.NATSProcess) }{
		"the connection is lost": {(*servertest.NATSProcess).Kill, (*servertest.NATSProcess).Start},
		"a question is lost": {(*servertest.NATSProcess).Pause, func(server *servertest.NATSProcess) {
			server.Kill()
			server.Start()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servertest.NATSChild(t)
			if _, err := server.JetStream(t).CreateStream(t.Context(), jetstream.StreamConfig{Name: "THERE"}); err != nil {
				t.Fatal(err)
			}
			log := &servertest.Lines{}
			h := NewHost(zerolog.New(log))
			nc, err := h.ConnectNATS(t.Context(), NATS{URL: server.URL()}, "test")
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			test.harm(server)
			found := make(chan error, 1)
			go func() {
				_, err := Await(t.Context(), h, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, "THERE") })
				found <- err
			}()
			log.Await(t, "the start waits for it")
			if part := h.Health.Report().Parts["start"]; part.Status != statusNotReady || part.Reason == "" {
				t.Errorf("health while it waits: %+v", part)
			}
			test.mend(server)
			if err := <-found; err != nil {
				t.Errorf("found nothing: %v", err)
			}
			if part := h.Health.Report().Parts["start"]; part.Status != statusOK {
				t.Errorf("health afterwards: %+v", part)
			}
		})
	}
}

// An answer that is no ends the start at once, and so does its context.
func TestAwaitEnds(t *testing.T) {
	t.Parallel()
	log := &servertest.Lines{}
	h := NewHost(zerolog.New(log))
	js := servertest.NATS(t).JetStream(t)
	_, err := Await(t.Context(), h, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, "ELSEWHERE") })
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("a stream that is not there: %v", err)
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = Await(ctx, h, func(context.Context) (jetstream.Stream, error) {
		cancel(stopped)
		return nil, context.DeadlineExceeded
	})
	if !errors.Is(err, stopped) {
		t.Errorf("stopped while it waits: %v", err)
	}
}
