package react_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

// The way to the server swallows what is sent, and nobody is told: the message goes
// to another, and who had it knows that it may be so.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var cut atomic.Bool
	through := w.config()
	through.Log = w.openAt(t, way(t, w.server.URL(), &cut))
	through.AckWait = time.Second
	mine, handled, release := make(chan react.Delivery, 1), make(chan struct{}), make(chan struct{})
	w.run(through, func(_ context.Context, d react.Delivery) error {
		cut.Store(true)
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

// way to a server. Once cut, it takes what a client says and leads nowhere.
func way(t *testing.T, server string, cut *atomic.Bool) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(server, "nats://"))
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(client, far); _ = client.Close() }()
			go func() { _, _ = io.Copy(lossy{far, cut}, client); _ = far.Close() }()
		}
	}()
	return "nats://" + listener.Addr().String()
}

type lossy struct {
	io.Writer
	lost *atomic.Bool
}

func (l lossy) Write(b []byte) (int, error) {
	if l.lost.Load() {
		return len(b), nil
	}
	return l.Writer.Write(b)
}
