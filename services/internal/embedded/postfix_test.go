package embedded_test

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// It ends when it is stopped, and with it whoever was connected; it starts again
// at the same addresses.
func TestPostfixStartsAndStops(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "postfix-") //nolint:usetesting // the test's folder is closed to Postfix's own user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p, err := embedded.StartPostfix(embedded.PostfixConfig{Dir: dir})
	if errors.Is(err, embedded.ErrNotRoot) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 2 {
		conn, err := net.Dial("tcp", p.SMTP)
		if err != nil {
			t.Fatal(err)
		}
		greeting := make([]byte, 4)
		if _, err := conn.Read(greeting); err != nil || string(greeting) != "220 " {
			t.Fatalf("greets %q, %v", greeting, err)
		}
		p.Stop()
		for { // the end of the connection
			if _, err := conn.Read(greeting); err != nil {
				break
			}
		}
		if _, err := net.Dial("tcp", p.SMTP); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("stopped: %v, want refused", err)
		}
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
	}
}
