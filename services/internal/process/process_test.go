package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

type testConfig struct {
	Config
	NATS
	Redis
	Key Secret `env:"TEST_KEY"`
}

func TestMain(m *testing.M) {
	servertest.Main(m, map[string]func(){
		// Waits for its signal; the second variant never ends by itself.
		"waits":   func() { child(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }) },
		"hangs":   func() { child(func(context.Context) error { select {} }) },
		"fails":   func() { child(func(context.Context) error { return errors.New("first line\nsecond line") }) },
		"cut off": cutOff,
		"refuse":  func() { child(func(context.Context) error { panic("must not run") }) },
	})
}

// cutOff says something for which the server closes the connection, after which the library does not connect again.
func cutOff() {
	var c testConfig
	Main("test", &c, &c.Config, func(ctx context.Context) error {
		conn, err := c.Host.ConnectNATS(ctx, c.NATS, "test")
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.Publish(strings.Repeat("long", 5000), nil); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
}

func child(run func(context.Context) error) {
	var c testConfig
	Main("test", &c, &c.Config, run)
}

func leaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func write(t *testing.T, text string) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprint(f, text); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
