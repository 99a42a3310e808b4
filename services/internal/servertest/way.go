package servertest

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Way leads clients to a NATS server, and may lose what is said on it while its connections stay open.
type Way struct {
	URL  string      // where clients connect
	Mute atomic.Bool // what clients say gets nowhere
	Deaf atomic.Bool // what the server says gets nowhere

	mu    sync.Mutex
	conns []net.Conn // of clients
}

// NewWay opens one to the server at a URL. It ends with the test.
func NewWay(t testing.TB, server string) *Way {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Way{URL: "nats://" + listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close(); w.Break() })
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
			go func() { _, _ = io.Copy(lossy{far, &w.Mute}, client); _ = far.Close() }()
			go func() { _, _ = io.Copy(lossy{client, &w.Deaf}, far); _ = client.Close() }()
		}
	}()
	return w
}

// Break ends the connections that are there; clients may come again.
func (w *Way) Break() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// lossy is an end of a way that may get nothing.
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
