package softphonectl_test

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// At a terminal there is a question, and only yes is yes.
func TestQuestions(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	hash := l.hash(events.License, ann)
	for _, c := range []struct {
		answer   string
		repaired bool
	}{{"", false}, {"\n", false}, {"n\n", false}, {"yup\n", false}, {"y\n", true}, {"YES\n", true}} {
		l.State.HSet(t.Context(), hash, "limit", "9")
		r := l.runOn(t.Context(), softphonectl.Terminal{In: strings.NewReader(c.answer), Asks: true}, "replay", "state", "license", "--apply")
		limit := l.State.HGet(t.Context(), hash, "limit").Val()
		if r.code != softphonectl.Done || (limit == "4") != c.repaired || !strings.HasPrefix(r.err, "Repair what differs from the log, in Redis? [y/N] ") {
			t.Errorf("answer %q: exit %d, limit %s, %q", c.answer, r.code, limit, r.err)
		}
	}
}

// silent is a person who is asked, and says nothing: Ctrl-C is all that comes.
type silent struct{ interrupt func() }

func (s silent) Read([]byte) (int, error) {
	s.interrupt()
	time.Sleep(soon) // a terminal goes on waiting, whatever the signal
	return 0, io.EOF
}

// Ctrl-C ends a command also while it waits for what somebody is to type.
func TestInterruptedWhileItReads(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	for _, args := range [][]string{
		{"rebuild", "license"},
		{"publish", "ExtensionRenamed", "--tenant", "acme", "--extension", "1001", "--data-file", "-"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := l.runOn(ctx, softphonectl.Terminal{In: silent{cancel}, Asks: true}, args...)
		if r.code != softphonectl.Interrupted {
			t.Errorf("%q: exit %d, %s", args, r.code, r.err)
		}
	}
}

// Ctrl-C ends a question at once, however long its worker takes to answer.
func TestInterruptedWhileItAsks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	nc := s.nats.Connect(t)
	if _, err := nc.Subscribe("ask.license.get", func(*nats.Msg) {
		cancel()
		<-ended // it gets no answer
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	var out, remarks bytes.Buffer
	code := softphonectl.Main(ctx, []string{"license", "acme/1001", "--server", s.nats.URL()}, softphonectl.Terminal{Out: &out, Err: &remarks})
	close(ended)
	if code != softphonectl.Interrupted {
		t.Errorf("exit %d: %s%s", code, &out, &remarks)
	}
}

// Progress goes to a terminal and nowhere else; data has no escape sequence ever.
func TestProgress(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.fleet(300)
	for _, draws := range []bool{false, true} {
		r := l.runOn(t.Context(), softphonectl.Terminal{Draws: draws}, "replay", "state")
		if r.code != softphonectl.Done || strings.Contains(r.out, "\x1b") || strings.Contains(r.out, "\r") {
			t.Errorf("data with a bar: %q", r.out)
		}
		if bar := strings.Contains(r.err, "events/s"); bar != draws {
			t.Errorf("a terminal: %t; a bar: %t: %q", draws, bar, r.err)
		}
	}
}

// What a stranger put into the log, or into the subject it is stored under, is shown
// to people without what a terminal would obey.
func TestStrangersDoNotReachTheTerminal(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	m := nats.NewMsg("softphone.pbx.acme.1001.\x1b[2JDeviceRemoved")
	m.Data = []byte("{}")
	l.Store(m)
	l.bury(events.DeviceCounter, events.PBX, "*")
	file := filepath.Join(t.TempDir(), "log.ndjson")
	l.want(softphonectl.Done, "export", file)
	for _, args := range [][]string{{"events"}, {"dead-letters", "list"}, {"import", file, "--facts", "--dry-run"}} {
		r := l.want(softphonectl.Done, args...)
		if said := r.out + r.err; !strings.Contains(said, "DeviceRemoved") || strings.Contains(said, "\x1b") {
			t.Errorf("%q says %q", args, said)
		}
	}
}

func TestFollowAndWatch(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	for _, c := range []struct {
		args []string
		n    int
	}{
		{[]string{"events", "acme/1001", "--follow", "--json"}, 5},
		{[]string{"status", "--watch", "--every", "10ms", "--json"}, 12},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		done := make(chan result, 1)
		go func() { done <- l.runOn(ctx, softphonectl.Terminal{Out: &canceler{&out, c.n, cancel}}, c.args...) }()
		l.signIn(ann, "mac-"+c.args[0])
		if r := <-done; r.code != softphonectl.Interrupted {
			t.Errorf("%q: exit %d, %s", c.args, r.code, r.err)
		}
		if n := len(jsonLines(t, out.String())); n < c.n {
			t.Errorf("%q: %d objects, want %d: %s", c.args, n, c.n, &out)
		}
	}
}

// Who is named twice is asked once.
func TestAWorkerNamedTwice(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	if r := l.want(softphonectl.Done, "replay", "decisions", "license", "name-sync", "license"); strings.Count(r.out, "license:") != 1 || strings.Count(r.out, "\n") != 2 {
		t.Errorf("says %q", r.out)
	}
}

// Without Redis, status tells what NATS knows, and says what it does not know.
func TestStatusWithoutRedis(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.Redis.Stop()
	r := l.run("status")
	if r.code != softphonectl.Differs || !strings.Contains(r.out, "16/16") || !strings.Contains(r.out, "not known without Redis") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	if lag := strings.Count(r.out, "16/16       ?    ?  "); lag != 3 {
		t.Errorf("lag and checkpoint are unknown of %d workers, want 3:\n%s", lag, r.out)
	}
}
