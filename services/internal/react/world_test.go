package react_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, nil) }

var errFar = errors.New("the far side says no")

// world is a log and what a test needs around it.
type world struct {
	t      *testing.T
	server *servertest.NATSServer
	log    *eventlog.Log
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, server: servertest.NATS(t)}
	if err := eventlog.Ensure(t.Context(), w.server.JetStream(t), eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	w.log = w.open()
	return w
}

// open is the log on a connection of its own, as a replica has it.
func (w *world) open() *eventlog.Log {
	w.t.Helper()
	log, err := eventlog.Open(w.t.Context(), w.server.Connect(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	return log
}

// publish n events whose bodies are their numbers, from a number on.
func (w *world) publish(from, n int) {
	w.t.Helper()
	for i := from; i < from+n; i++ {
		m := nats.NewMsg("softphone.pbx.acme." + strconv.Itoa(i) + ".Thing")
		m.Data = []byte(strconv.Itoa(i))
		if _, err := w.log.Publish(w.t.Context(), m); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) config() react.Config {
	return react.Config{
		Log: w.log, Durable: "pusher", Inputs: []events.Input{{Source: "pbx", Name: "Thing"}},
		Retry: react.Bounds{First: 20 * time.Millisecond, Max: 100 * time.Millisecond}, Recover: react.Bounds{First: 20 * time.Millisecond, Max: 100 * time.Millisecond},
		Check: 200 * time.Millisecond, Grace: 5 * time.Second, Logger: zerolog.New(zerolog.NewTestWriter(w.t)),
	}
}

// run starts a reactor. It ends with stop, or with the test.
func (w *world) run(config react.Config, handle react.Handler) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- react.Run(ctx, config, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				w.t.Errorf("Run returned %v", err)
			}
		case <-time.After(20 * time.Second):
			w.t.Error("the reactor does not stop")
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// settled waits until the durable has nothing to deliver and nothing open.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("the durable is done", func() bool {
		idle, err := servertest.Idle(w.t.Context(), w.log.JetStream(), events.Stream, "pusher")
		return idle && err == nil
	})
}

// connected waits until the log answers again.
func (w *world) connected() {
	w.t.Helper()
	w.eventually("the log answers", func() bool { _, err := w.log.State(w.t.Context()); return err == nil })
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("not so: %s", what)
}

func (w *world) dead() map[string]nats.Header {
	w.t.Helper()
	stream, err := w.log.JetStream().Stream(w.t.Context(), events.DeadStream)
	if err != nil {
		w.t.Fatal(err)
	}
	letters := map[string]nats.Header{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(w.t.Context(), seq)
		if err != nil {
			w.t.Fatal(err)
		}
		letters[string(m.Data)] = m.Header
	}
	return letters
}
