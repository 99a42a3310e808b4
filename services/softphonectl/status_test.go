package softphonectl_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// The view behind the portal's lists is a fold as the workers' are: it is looked
// after with the same commands, once there is one.
func TestThePortalsView(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	for _, args := range [][]string{{"status"}, {"replay", "state"}} {
		if r := l.want(softphonectl.Done, args...); strings.Contains(r.out, portal.ViewName) {
			t.Errorf("%q of a system without portal says\n%s", args, r.out)
		}
	}
	c := l.Config("replica-1")
	l.workers = append(l.workers, l.Start(func(ctx context.Context) error { return portal.RunView(ctx, c) }))
	l.Shares(portal.ViewName, "replica-1")
	l.Eventually("the portal's view", func() bool {
		return strings.Contains(l.run("replay", "state").out, "portal: 3 events folded, 1 state compared, 0 differences")
	})
	l.State.HSet(t.Context(), l.hash(portal.ViewName, ann), "name", "Mallory")
	l.want(softphonectl.Differs, "replay", "state", "portal")
	l.want(softphonectl.Done, "rebuild", "portal", "--yes")
	l.want(softphonectl.Done, "replay", "state", "portal")
	if r := l.want(softphonectl.Done, "status"); !strings.Contains(r.out, "\nportal") {
		t.Errorf("status says nothing of the portal:\n%s", r.out)
	}
}

// A log that is as long as a worker's checkpoint says, and yet another: its owner
// refuses it, and status says so too.
func TestStatusSeesAnotherLog(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	l.want(softphonectl.Done, "status")
	hash := l.hash(events.License, ann)
	l.stop()
	l.State.HSet(t.Context(), strings.TrimSuffix(hash, "acme:1001")+"checkpoint", "digest", "0123456789abcdef")
	if r := l.run("status"); r.code != softphonectl.Differs || !strings.Contains(r.out, "the log has another event there") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
}

// Whom the server refuses a look is told so, and not that nobody works.
func TestStatusWithoutPermission(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(config, []byte(`jetstream: {}
no_auth_user: all
authorization { users: [
  { user: all, password: all }
  { user: some, password: some, permissions: { publish: { deny: "$JS.API.CONSUMER.CREATE.SOFTPHONE_DEAD.>" } } }
] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := system{t, servertest.NATS(t, servertest.ConfigFile(config))}
	s.must("setup")
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("some"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.run("status", "--redis", servertest.Redis(t).URL(), "--user", "some", "--password-file", password)
	if r.code != softphonectl.Failed || strings.Contains(r.out, "nobody owns") || !strings.Contains(strings.ToLower(r.err), "permissions violation") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.err)
	}
}

// hears tells that something was written.
type hears chan struct{}

func (h hears) Write(b []byte) (int, error) {
	select {
	case h <- struct{}{}:
	default:
	}
	return len(b), nil
}

// What is watched is watched through an outage: it is said, and then it goes on.
func TestWatchOutlivesNATS(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	ctx, cancel := context.WithCancel(t.Context())
	data, remarks, code := make(hears, 1), make(hears, 1), make(chan int, 1)
	go func() {
		args := []string{"status", "--watch", "--every", "10ms", "--server", l.NATS.URL(), "--redis", l.Redis.URL()}
		code <- softphonectl.Main(ctx, args, softphonectl.Terminal{Out: data, Err: remarks})
	}()
	wait := func(h hears, what string) {
		t.Helper()
		select {
		case <-h:
		case c := <-code:
			t.Fatalf("it ended before %s: exit %d", what, c)
		}
	}
	for range 3 { // log, workers; and again
		wait(data, "it was stopped")
	}
	l.NATS.Stop()
	wait(remarks, "it said so")
	select {
	case <-data: // of before
	default:
	}
	l.NATS.Start()
	wait(data, "it went on")
	cancel()
	if c := <-code; c != softphonectl.Interrupted {
		t.Errorf("exit %d", c)
	}
}
