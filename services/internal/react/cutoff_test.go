package react_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// The way to the server swallows what is sent without an error: the message goes
// to another, and who had it knows that it may be so.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	way := servertest.NewWay(t, w.server.URL())
	through := w.config()
	through.Log = w.openAt(t, way.URL)
	through.AckWait = time.Second
	mine, handled, release := make(chan react.Delivery, 1), make(chan struct{}), make(chan struct{})
	w.run(through, func(_ context.Context, d react.Delivery) error {
		way.Mute.Store(true)
		mine <- d
		<-release
		return nil
	})
	t.Cleanup(func() { close(release) })
	w.publish(0, 1)
	d := <-mine
	other := w.config()
	other.AckWait = through.AckWait
	w.run(other, func(context.Context, react.Delivery) error { close(handled); return nil })
	<-handled
	w.eventually("whoever is cut off does not hold the message", func() bool { return !d.Held() })
}

func (w *world) openAt(t *testing.T, url string) *eventlog.Log {
	t.Helper()
	conn, err := nats.Connect(url, nats.ReconnectBufSize(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	log, err := eventlog.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return log
}
