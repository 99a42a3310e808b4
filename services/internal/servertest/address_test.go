package servertest

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// An address stays the test's while nobody listens there, and servers come and go.
func TestAddress(t *testing.T) {
	t.Parallel()
	address := Address(t)
	for range 3 {
		listener, err := listening(func() (net.Listener, error) { return net.Listen("tcp", address) })
		if err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		server, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = server.Close() // who closes first keeps the connection's end on the port for a while
		_ = client.Close()
		_ = listener.Close()
		refused(t, address)
	}
	// It is nobody's near end: neither when asked for by name, nor therefore by chance.
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	mine, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if near, err := (&net.Dialer{LocalAddr: mine}).Dial("tcp", other.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("it is the near end of a connection: %v, %v", near, err)
	}
}

// refused waits until a connection is: see listening.
func refused(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(startLimit); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			_ = c.Close()
		}
		if time.Now().After(end) {
			t.Fatalf("nobody listens, and a connection is not refused: %v", err)
		}
	}
}
