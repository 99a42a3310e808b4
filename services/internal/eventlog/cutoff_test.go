package eventlog_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// What the server sent just before a connection broke may have got nowhere. The
// server thinks it delivered, and nothing may ever follow that would show the gap.
func TestReaderWhoseConnectionBroke(t *testing.T) {
	t.Parallel()
	server, js, direct := setup(t)
	w := newWay(t, server.URL())
	conn, err := nats.Connect(w.url, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	log, err := eventlog.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, direct, "softphone.pbx.acme.1001.Add", "", "1")
	reader, err := log.Read(t.Context(), "test-reader", 1, "log.>")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if batch, err := reader.Batch(t.Context(), 10, 5*time.Second); len(batch) != 1 || err != nil {
		t.Fatalf("%d messages, %v", len(batch), err)
	}

	w.swallow.Store(true)
	publish(t, direct, "softphone.pbx.acme.1001.Add", "", "2")
	consumer, err := js.Consumer(t.Context(), events.Stream, "test-reader")
	if err != nil {
		t.Fatal(err)
	}
	for delivered := uint64(0); delivered < 2; {
		info, err := consumer.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		delivered = info.Delivered.Consumer
	}
	w.swallow.Store(false)
	w.breakOff()

	if batch, err := reader.Batch(t.Context(), 10, 30*time.Second); !errors.Is(err, eventlog.ErrGap) {
		t.Fatalf("%d messages, %v; want ErrGap", len(batch), err)
	}
}

// way leads to a server.
type way struct {
	url     string
	swallow atomic.Bool // what the server says gets nowhere

	mu    sync.Mutex
	conns []net.Conn // of clients
}

func newWay(t *testing.T, server string) *way {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{url: "nats://" + listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close(); w.breakOff() })
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
			w.mu.Lock()
			w.conns = append(w.conns, client)
			w.mu.Unlock()
			go func() { _, _ = io.Copy(far, client); _ = far.Close() }()
			go func() { _, _ = io.Copy(hears{client, &w.swallow}, far); _ = client.Close() }()
		}
	}()
	return w
}

// breakOff ends the connections that are there.
func (w *way) breakOff() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// hears is a client's end, which may get nothing.
type hears struct {
	io.Writer
	swallow *atomic.Bool
}

func (h hears) Write(b []byte) (int, error) {
	if h.swallow.Load() {
		return len(b), nil
	}
	return h.Writer.Write(b)
}
