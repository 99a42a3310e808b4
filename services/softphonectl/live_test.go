package softphonectl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// live is a whole running system: NATS, Redis, a relay, and the workers.
type live struct {
	*workertest.World
	t       *testing.T
	relay   *servertest.SMTPServer
	state   string // the command line's folder
	workers []func()
	old     map[string]map[string]string // checkpoints of an earlier time
}

// newLive makes a system without workers.
func newLive(t *testing.T) *live {
	t.Helper()
	l := &live{World: workertest.New(t), t: t, relay: servertest.SMTP(t, servertest.SMTPScript{}), state: t.TempDir()}
	return l
}

// start starts a replica of every worker.
func (l *live) start() {
	l.t.Helper()
	c := l.Config("replica-1")
	l.workers = append(l.workers,
		l.Start(func(ctx context.Context) error { return license.Run(ctx, c) }),
		l.Start(func(ctx context.Context) error { return devicecounter.Run(ctx, c) }),
		l.Start(func(ctx context.Context) error { return namesync.Run(ctx, namesync.Config{Config: c}) }),
	)
	var m mailer.Config
	if err := process.Parse(&m, []string{"NATS_URL=" + l.NATS.URL(), "SMTP_URL=smtp://" + l.relay.Addr}); err != nil {
		l.t.Fatal(err)
	}
	m.Host = process.NewHost(zerolog.Nop())
	l.workers = append(l.workers, l.Start(func(ctx context.Context) error { return mailer.Run(ctx, m) }))
	for _, worker := range []string{events.License, events.DeviceCounter, events.NameSync} {
		l.Shares(worker, "replica-1")
	}
}

func (l *live) stop() {
	for _, stop := range l.workers {
		stop()
	}
	l.workers = nil
}

// run runs a command line as a script would: nobody can be asked.
func (l *live) run(args ...string) result {
	l.t.Helper()
	return l.runOn(l.t.Context(), softphonectl.Terminal{In: strings.NewReader("")}, args...)
}

func (l *live) runOn(ctx context.Context, terminal softphonectl.Terminal, args ...string) result {
	l.t.Helper()
	var out, err bytes.Buffer
	if terminal.Out == nil {
		terminal.Out = &out
	}
	terminal.Err = &err
	args = append(args, "--server", l.NATS.URL(), "--redis", l.Redis.URL(), "--state-dir", l.state)
	code := softphonectl.Main(ctx, args, terminal)
	return result{code, out.String(), err.String()}
}

func (l *live) want(code int, args ...string) result {
	l.t.Helper()
	r := l.run(args...)
	if r.code != code {
		l.t.Fatalf("softphonectl %q: exit %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
	}
	return r
}

// enable gives an extension a license and waits for its e-mail's outcome.
func (l *live) enable(x events.Extension) {
	l.t.Helper()
	l.Decide(events.NewFact(x, events.SoftphoneEnabled{
		Email: x.Number + "@example.com", Username: "user" + x.Number, DisplayName: "User " + x.Number,
	}))
	l.Eventually("the welcome e-mail of "+x.String(), func() bool {
		return l.Last(x, events.Mailer, "*") != nil
	})
}

func (l *live) signIn(x events.Extension, device string) events.Decision {
	l.t.Helper()
	return l.Decide(events.NewFact(x, events.DeviceSignedIn{DeviceID: device, Platform: events.PlatformMac}))
}

func (l *live) hash(worker string, x events.Extension) string {
	l.t.Helper()
	keys, err := l.State.Keys(l.t.Context(), fmt.Sprintf("softphone:{p*}:%s:%s:%s", worker, x.Tenant, x.Number)).Result()
	if err != nil || len(keys) != 1 {
		l.t.Fatalf("hashes of %s and %s: %v, %v", worker, x, keys, err)
	}
	return keys[0]
}

var ann = events.Extension{Tenant: "acme", Number: "1001"}

// transcript is what a person sees who types commands, one after the other.
type transcript struct {
	*live
	text strings.Builder
}

func (tr *transcript) run(args ...string) {
	tr.t.Helper()
	r := tr.live.run(args...)
	fmt.Fprintf(&tr.text, "$ softphonectl %s\n%s", strings.Join(args, " "), r.out)
	for line := range strings.Lines(r.err) {
		tr.text.WriteString("2> " + line)
	}
	if r.code != 0 {
		fmt.Fprintf(&tr.text, "exit %d\n", r.code)
	}
	tr.text.WriteString("\n")
}

func (tr *transcript) note(text string) { tr.text.WriteString("# " + text + "\n\n") }

// what differs between two runs of the same.
var masks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "<uuid>"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "<time>"},
	{regexp.MustCompile(`(\d+[smhd] ago|now) \(\d+\)`), "<ago> (<seq>)"},
	{regexp.MustCompile(`(?m)^ +\d+  <time>`), "<seq>  <time>"},
	{regexp.MustCompile(`(sequences?) \d+`), "$1 <seq>"},
	{regexp.MustCompile(`to \d+, in`), "to <seq>, in"},
	{regexp.MustCompile(`(?m)(\d/16\s+\d+)\s+\d+ +([-\d])`), "$1  <seq>  $2"},
	{regexp.MustCompile(`"(sequence|cause|last|first|checkpoint|messages|pulling)":\d+`), `"$1":<n>`},
	{regexp.MustCompile(`device-counter\.\d{13}\.\d+`), "device-counter.<log>.<seq>"},
	{regexp.MustCompile(`mailer\.\d{13}\.\d+`), "mailer.<log>.<seq>"},
	{regexp.MustCompile(`\d+ messages?`), "<n> messages"},
	{regexp.MustCompile(`(?m)^    (at|seq|recent): .*$`), "    $1: <differs>"},
	{regexp.MustCompile(`in \d+\.\d s`), "in <s> s"},
	{regexp.MustCompile(`"seconds":[\d.]+`), `"seconds":<s>`},
	{regexp.MustCompile(`nats://127\.0\.0\.1:\d+`), "nats://<host>"},
	{regexp.MustCompile(`/tmp/[^ ]*/`), "<folder>/"},
}

// golden compares with the transcript of the same name.
func (tr *transcript) golden(name string) {
	tr.t.Helper()
	text := tr.text.String()
	for _, m := range masks {
		text = m.what.ReplaceAllString(text, m.with)
	}
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			tr.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			tr.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		tr.t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
		tr.t.Errorf("transcript %s (-recorded +now; -update writes it anew):\n%s", name, diff)
	}
}

// canceler cancels when something has been written n times.
type canceler struct {
	io.Writer
	n      int
	cancel func()
}

func (c *canceler) Write(b []byte) (int, error) {
	if c.n--; c.n == 0 {
		c.cancel()
	}
	return c.Writer.Write(b)
}

func jsonLines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("not an object a line: %q: %v", line, err)
		}
		all = append(all, object)
	}
	return all
}

const soon = time.Minute
