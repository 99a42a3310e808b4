package softphonectl_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// Facts copied into staging: under another tenant, without a word of a person,
// once however often, and its workers come to the same counts.
func TestCopyIntoStaging(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	from.start()
	for i := range 3 {
		x := events.Extension{Tenant: "acme", Number: fmt.Sprint(1001 + i)}
		from.enable(x)
		for n := range 3 {
			from.signIn(x, fmt.Sprintf("secret-%d", n))
		}
	}
	from.enable(events.Extension{Tenant: "other", Number: "7"})
	to.start()
	copyTo := func(args ...string) result {
		return from.want(softphonectl.Done, append([]string{"replay", "into", to.NATS.URL(), "--yes", "--json",
			"--tenant", "acme", "--rename-tenant", "acme=acme-test", "--anonymize"}, args...)...)
	}
	facts := func() int { return len(to.Messages(events.Stream, "log.*.pbx.>")) }

	copyTo("--limit", "5")
	if n := facts(); n != 5 {
		t.Errorf("%d facts after a limit of 5", n)
	}
	workertest.Settled(t, to.World, license.Rules()) // a sign-in before the license would be refused
	copyTo("--speed", "100000x")
	copyTo()
	if n := facts(); n != 12 {
		t.Errorf("%d facts in the copy, want 12", n)
	}
	workertest.Settled(t, to.World, devicecounter.Rules())
	x := events.Extension{Tenant: "acme-test", Number: "1002"}
	if a := workertest.Get[events.DevicesAnswer](to.World, events.DeviceCounter, x); a.Used != 3 {
		t.Errorf("%d devices in the copy, want 3", a.Used)
	}
	for _, m := range to.Messages(events.Stream, "log.>") {
		for _, word := range []string{"secret", "example.com", "user100", `"acme/`} {
			if strings.Contains(string(m.Data()), word) {
				t.Errorf("the copy tells %q: %s", word, m.Data())
			}
		}
	}
}

// What is older than what was copied before cannot follow it: it is not copied, and
// not said to be there.
func TestCopyOfWhatIsOlder(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	for _, name := range []string{"a", "b", "c"} {
		from.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: name}))
	}
	other := events.Extension{Tenant: "acme", Number: "1002"}
	from.Publish(events.NewFact(other, events.ExtensionRenamed{Name: "d"}))
	into := []string{"replay", "into", to.NATS.URL(), "--yes"}
	from.want(softphonectl.Done, append(into, "--from-seq", "3", "--limit", "1")...)
	r := from.want(softphonectl.Partly, into...)
	if want := "1 fact copied, 1 already there, 0 skipped, 2 too late\n"; r.out != want {
		t.Errorf("copying all says %q, want %q", r.out, want)
	}
	if n := len(to.Messages(events.Stream, "log.*.pbx.>")); n != 2 {
		t.Errorf("%d facts in the copy, want 2", n)
	}
}

// What lies between two earlier copies is not there, and cannot follow the later one.
func TestCopyOfWhatLiesBetween(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	for _, name := range []string{"a", "b", "c"} {
		from.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: name}))
	}
	into := []string{"replay", "into", to.NATS.URL(), "--yes"}
	from.want(softphonectl.Done, append(into, "--limit", "1")...)
	from.want(softphonectl.Done, append(into, "--from-seq", "3")...)
	r := from.want(softphonectl.Partly, into...)
	if want := "0 facts copied, 2 already there, 0 skipped, 1 too late\n"; r.out != want {
		t.Errorf("copying all says %q, want %q", r.out, want)
	}
	if n := len(to.Messages(events.Stream, "log.*.pbx.>")); n != 2 {
		t.Errorf("%d facts in the copy, want 2", n)
	}
}

func TestCopyKeepsTheSpeed(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	from.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: "a"}))
	time.Sleep(400 * time.Millisecond) // what is measured
	from.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: "b"}))
	started := time.Now()
	from.want(softphonectl.Done, "replay", "into", to.NATS.URL(), "--yes", "--speed", "1x")
	if took := time.Since(started); took < 400*time.Millisecond {
		t.Errorf("took %s at the speed it happened, want 400ms or more", took)
	}
}

// A file that is damaged in any way is refused before anything is written.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	for _, name := range []string{"a", "b", "c"} {
		l.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: name}))
	}
	file := filepath.Join(t.TempDir(), "log.ndjson")
	l.want(softphonectl.Done, "export", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	empty := newLive(t)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":           {nil, "line 1: the file ends here"},
		"something else":  {[]byte("hello\n"), "line 1: is not the header"},
		"a later version": {bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":2`), 1), "version 2"},
		"cut off":         {join(lines[:4]...), "it was cut off"},
		"cut in a line":   {whole[:len(whole)*2/3], "is not JSON"},
		"a line less":     {join(lines[0], lines[1], lines[3], lines[4]), "should have 3 messages and has 2"},
		"changed":         {bytes.Replace(whole, []byte(`"name":"b"`), []byte(`"name":"x"`), 1), "SHA-256"},
		"out of order":    {join(lines[0], lines[2], lines[1], lines[3], lines[4]), "follows"},
		"more":            {join(whole, lines[1]), "something follows"},
		"wrong partition": {bytes.Replace(whole, []byte("log.15."), []byte("log.2."), 1), "belongs into 15"},
		"not a subject":   {bytes.Replace(whole, []byte("log.15."), []byte("x.1."), 1), "has subject"},
	} {
		damaged := filepath.Join(t.TempDir(), "damaged.ndjson")
		if err := os.WriteFile(damaged, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		r := empty.run("import", damaged, "--yes")
		if r.code != softphonectl.Failed || !strings.Contains(r.err, c.says) {
			t.Errorf("%s: exit %d, %q, want %q", name, r.code, r.err, c.says)
		}
	}
	part := filepath.Join(t.TempDir(), "part.ndjson")
	l.want(softphonectl.Done, "export", part, "--limit", "2")
	if r := empty.run("import", part, "--yes"); r.code != softphonectl.Usage || !strings.Contains(r.err, "--facts") {
		t.Errorf("a range: exit %d, %s", r.code, r.err)
	}
	if n := len(empty.Messages(events.Stream, ">")); n != 0 {
		t.Errorf("%d messages were written all the same", n)
	}
	empty.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: "another"}))
	if r := empty.run("import", file, "--yes"); r.code != softphonectl.Failed || !strings.Contains(r.err, "not a beginning of the file") {
		t.Errorf("into another log: exit %d, %s", r.code, r.err)
	}
}

// Where nobody can tell whether workers run, nothing is imported beside them.
func TestImportWantsToKnowWhoWorks(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	from.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: "a"}))
	file := filepath.Join(t.TempDir(), "log.ndjson")
	from.want(softphonectl.Done, "export", file)
	hangs, err := to.NATS.Connect(t).SubscribeSync("$SRV.STATS.>") // somebody is there, and does not answer
	if err == nil {
		err = hangs.SetPendingLimits(-1, -1)
	}
	if err != nil {
		t.Fatal(err)
	}
	if r := to.run("import", file, "--yes"); r.code != softphonectl.Failed || !strings.Contains(r.err, "who owns the partitions is not known") {
		t.Errorf("exit %d, %s%s", r.code, r.out, r.err)
	}
}

func TestImportFacts(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	from.start()
	from.enable(ann)
	from.signIn(ann, "mac-1")
	file := filepath.Join(t.TempDir(), "log.ndjson")
	from.want(softphonectl.Done, "export", file, "--tenant", "acme")
	to.start()
	for range 2 {
		to.want(softphonectl.Done, "import", file, "--facts", "--yes")
	}
	workertest.Settled(t, to.World, devicecounter.Rules())
	if n := len(to.Messages(events.Stream, "log.*.pbx.>")); n != 2 {
		t.Errorf("%d facts, want 2", n)
	}
}

// An import that was interrupted goes on; what is in the log then is what the file
// says.
func TestInterruptedImportGoesOn(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	for i := range 2000 {
		from.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: fmt.Sprint(i)}))
	}
	file := filepath.Join(t.TempDir(), "log.ndjson.gz")
	from.want(softphonectl.Done, "export", file)

	ctx, cancel := context.WithCancel(t.Context())
	watching, err := to.NATS.Connect(t).SubscribeSync("softphone.>")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = watching.NextMsg(soon) // the first batch is on its way
		cancel()
	}()
	r := to.runOn(ctx, softphonectl.Terminal{In: strings.NewReader("")}, "import", file, "--yes")
	if r.code != softphonectl.Interrupted {
		t.Logf("it was faster than the interrupt: exit %d, %s", r.code, r.err)
	}
	to.want(softphonectl.Done, "import", file, "--yes")
	again := filepath.Join(t.TempDir(), "again.ndjson")
	to.want(softphonectl.Done, "export", again)
	if a, b := bodies(t, file), bodies(t, again); len(a) != 2000 || strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("the file has %d messages, the log %d", len(a), len(b))
	}
}

// Ctrl-C ends an import while its file is checked, however long that takes.
func TestInterruptedWhileItChecks(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	for i := range 5 {
		foreign := nats.NewMsg("softphone.stranger.acme.1000.Hello")
		foreign.Data = fmt.Append(nil, i)
		from.Store(foreign)
	}
	file := filepath.Join(t.TempDir(), "log.ndjson.gz")
	from.want(softphonectl.Done, "export", file)
	for _, more := range []string{"--yes", "--facts"} {
		ctx, cancel := context.WithCancel(t.Context())
		var out, remarks bytes.Buffer
		code := softphonectl.Main(ctx, []string{"import", file, more, "--server", to.NATS.URL()},
			softphonectl.Terminal{In: strings.NewReader(""), Out: &out, Err: &canceler{&remarks, 1, cancel}})
		if n := strings.Count(remarks.String(), "it is imported as it is"); code != softphonectl.Interrupted || n != 1 {
			t.Errorf("%s: exit %d, %d remarks after the interrupt: %s", more, code, n-1, &remarks)
		}
	}
	if n := len(to.Messages(events.Stream, "log.>")); n != 0 {
		t.Errorf("%d messages were imported all the same", n)
	}
}

// An export may leave the house: no address, no name and no device of anybody is
// in it, and its facts and outcomes still fit together.
func TestExportAnonymized(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	x := events.Extension{Tenant: "acme", Number: "1001"}
	l.enable(x)
	for n := range 5 {
		l.signIn(x, fmt.Sprintf("secret-%d", n))
	}
	workertest.Settled(t, l.World, devicecounter.Rules())
	file := filepath.Join(t.TempDir(), "log.ndjson")
	l.want(softphonectl.Done, "export", file, "--anonymize")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if r := l.want(softphonectl.Done, "export", file+".none", "--tenant", "nobody"); strings.Contains(r.out, "sequences") {
		t.Errorf("an export of nothing says %q", r.out)
	}
	for _, word := range []string{"secret", "example.com", "user100"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the export tells %q:\n%s", word, text)
		}
	}
	for name, want := range map[string]int{"DeviceSignedIn": 5, "DeviceActivated": 4, "DeviceActivationLimitReached": 1} {
		if n := strings.Count(string(text), `"type":"com.mycloudpbx.`+name+`"`); n != want {
			t.Errorf("%d %s in the export, want %d", n, name, want)
		}
	}
	foreign := nats.NewMsg("softphone.stranger.acme.1000.Hello")
	foreign.Data = []byte("secret")
	l.Store(foreign)
	l.want(softphonectl.Partly, "export", file, "--anonymize")
}

// A link that somebody put where an export writes must not lead it to another file.
func TestExportFollowsNoLink(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	folder := t.TempDir()
	victim, file := filepath.Join(folder, "victim"), filepath.Join(folder, "log.ndjson")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, file+".part"); err != nil {
		t.Fatal(err)
	}
	l.want(softphonectl.Done, "export", file)
	if kept, err := os.ReadFile(victim); err != nil || string(kept) != "precious" {
		t.Errorf("the export wrote through the link: %q, %v", kept, err)
	}
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the export is no regular file: %v, %v", info, err)
	}
}
