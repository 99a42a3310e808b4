package softphonectl_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// fleet are extensions with a license, spread over the partitions.
func (l *live) fleet(n int) []events.Extension {
	l.t.Helper()
	all := make([]events.Extension, n)
	for i := range all {
		all[i] = workertest.Nth(i)
		l.Publish(events.NewFact(all[i], events.SoftphoneEnabled{
			Email: all[i].Number + "@example.com", Username: "user" + all[i].Number, DisplayName: "User", DeviceLimit: 100,
		}))
	}
	l.Eventually("all licenses", func() bool { return len(l.Messages(events.Stream, "log.*.license.*.*.LicenseGranted")) >= n })
	workertest.Settled(l.t, l.World, devicecounter.Rules())
	return all
}

// load signs devices in until stop is called, which returns how many were
// decided. Every one must be.
func (l *live) load(fleet []events.Extension) (stop func() int64) {
	ctx, cancel := context.WithCancel(context.Background())
	var done atomic.Int64
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				x := fleet[(n*4+worker)%len(fleet)]
				fact := events.NewFact(x, events.DeviceSignedIn{DeviceID: fmt.Sprintf("mac-%d", n%50), Platform: events.PlatformMac})
				asking, over := context.WithTimeout(context.Background(), soon)
				_, decision, err := l.Log.Ask(asking, workertest.Message(l.t, fact))
				over()
				if err != nil || decision.Outcome == events.Invalid {
					l.t.Errorf("a sign-in was not decided: %+v, %v", decision, err)
					return
				}
				done.Add(1)
			}
		})
	}
	stop = sync.OnceValue(func() int64 { cancel(); group.Wait(); return done.Load() })
	l.t.Cleanup(func() { stop() })
	return stop
}

// damage are the things that happen to a Redis.
var damage = map[string]func(*live, string){
	"a seat added by hand": func(l *live, hash string) {
		l.State.HSet(l.t.Context(), hash, "device:evil", "m mjwn4q3p Evil")
	},
	"a wrong count": func(l *live, hash string) { l.State.HSet(l.t.Context(), hash, "used", "77", "limit", "1") },
	"a lost hash":   func(l *live, hash string) { l.State.Del(l.t.Context(), hash) },
	"a stray hash": func(l *live, hash string) {
		l.State.HSet(l.t.Context(), hash+"9", "seq", 1, "license", "x", "generation", 1, "limit", 1)
	},
	"a checkpoint set back": func(l *live, hash string) {
		tag, _, _ := strings.Cut(hash, "acme")
		if len(l.old[tag]) == 0 {
			l.t.Errorf("no older checkpoint of %s", tag)
			return
		}
		l.State.HSet(l.t.Context(), tag+"checkpoint", l.old[tag])
	},
	"a lost checkpoint": func(l *live, hash string) {
		tag, _, _ := strings.Cut(hash, "acme")
		l.State.Del(l.t.Context(), tag+"checkpoint")
	},
}

// checkpoints of a worker, by what their names begin with.
func (l *live) checkpoints(worker string) map[string]map[string]string {
	l.t.Helper()
	all := map[string]map[string]string{}
	for p := range events.Partitions {
		tag := fmt.Sprintf("softphone:{p%d}:%s:", p, worker)
		all[tag] = l.State.HGetAll(l.t.Context(), tag+"checkpoint").Val()
	}
	return all
}

// Whatever happens to Redis is found and repaired while sign-ins go on, every one
// of them decided.
func TestRepairsUnderLoad(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	fleet := l.fleet(40)
	l.old = l.checkpoints(events.DeviceCounter)
	stop := l.load(fleet)
	for name, harm := range damage {
		harm(l, l.hash(events.DeviceCounter, fleet[len(name)]))
		for deadline := time.Now().Add(soon); ; {
			r := l.run("replay", "state", "device-counter", "--apply", "--yes")
			if r.code == softphonectl.Done && strings.Contains(r.out, "0 differences") {
				break
			}
			t.Logf("%s: exit %d\n%s%s", name, r.code, r.out, r.err)
			if time.Now().After(deadline) {
				t.Fatalf("%s: not repaired within %s", name, soon)
			}
		}
	}
	if n := stop(); n < 100 {
		t.Errorf("only %d sign-ins: that is no load", n)
	} else {
		t.Logf("%d sign-ins decided meanwhile", n)
	}
	for deadline := time.Now().Add(soon); ; time.Sleep(50 * time.Millisecond) {
		report := foldtest.Audit(t, l.JS, l.State, devicecounter.Rules())
		if len(report.States)+report.Behind+report.Missing+report.Doubled == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after all: %v", report)
		}
	}
	l.want(softphonectl.Done, "replay", "state")
}

// A checkpoint that was set back while no worker ran: the states are ahead of it.
// After the repair the worker goes on from there, and tells nothing twice.
func TestCheckpointSetBackWhileNobodyWorks(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	fleet := l.fleet(20)
	old := l.checkpoints(events.DeviceCounter)
	for _, x := range fleet {
		l.signIn(x, "mac-1")
	}
	workertest.Settled(t, l.World, devicecounter.Rules())
	l.stop()
	tag, _, _ := strings.Cut(l.hash(events.DeviceCounter, fleet[0]), "acme")
	l.State.HSet(t.Context(), tag+"checkpoint", old[tag])

	if r := l.want(softphonectl.Differs, "replay", "state", "device-counter"); !strings.Contains(r.out, ": ahead acme-") {
		t.Errorf("found %s, want states that are ahead", r.out)
	}
	l.want(softphonectl.Done, "replay", "state", "device-counter", "--apply", "--yes")
	if r := l.want(softphonectl.Done, "replay", "state", "device-counter"); !strings.Contains(r.out, "0 differences") {
		t.Errorf("after the repair: %s", r.out)
	}
	l.start()
	workertest.Settled(t, l.World, devicecounter.Rules())
	l.want(softphonectl.Done, "replay", "decisions", "device-counter")
}

// Every partition has a difference; the command is interrupted after some of them
// were printed. The same command again does the rest, and counts all.
func TestInterruptedReplayGoesOn(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	fleet := l.fleet(60)
	seen := map[string]bool{}
	for _, x := range fleet {
		hash := l.hash(events.DeviceCounter, x)
		tag, _, _ := strings.Cut(hash, "acme")
		if !seen[tag] {
			l.State.HSet(t.Context(), hash, "limit", "5")
		}
		seen[tag] = true
	}
	if len(seen) != events.Partitions {
		t.Fatalf("the fleet is in %d partitions", len(seen))
	}
	args := []string{"replay", "state", "device-counter", "--json"}
	ctx, cancel := context.WithCancel(t.Context())
	var first bytes.Buffer
	r := l.runOn(ctx, softphonectl.Terminal{Out: &canceler{&first, 8, cancel}}, args...)
	if r.code != softphonectl.Interrupted || !strings.Contains(r.err, "interrupted") {
		t.Fatalf("interrupted: exit %d, %s", r.code, r.err)
	}
	again := l.run(args...)
	if again.code != softphonectl.Differs || !strings.Contains(again.err, "continuing after an interrupt") {
		t.Fatalf("again: exit %d, %s", again.code, again.err)
	}
	lines := jsonLines(t, again.out)
	if n := len(lines) - 1; n >= events.Partitions || n < 1 {
		t.Errorf("again it compared %d partitions, want those that were left", n)
	}
	if total := lines[len(lines)-1]["differences"]; total != float64(events.Partitions) {
		t.Errorf("in all %v differences, want %d", total, events.Partitions)
	}
	whole := l.run(args...)
	if lines := jsonLines(t, whole.out); len(lines) != events.Partitions+1 || whole.err != "softphonectl: 16 differences\n" {
		t.Errorf("a third time: %d lines, %s", len(lines), whole.err)
	}
}

// What is wrong with the log itself is reported, and nothing stops at it.
func TestALogWithHolesForeignAndCorruptMessages(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	fleet := l.fleet(2)
	x := fleet[0]
	l.signIn(x, "mac-1")
	l.signIn(x, "mac-2")

	corrupt := workertest.Message(t, events.NewFact(x, events.DeviceSignedIn{DeviceID: "mac-3", Platform: events.PlatformMac}))
	corrupt.Data = []byte("no JSON at all")
	l.DecideMessage(corrupt)
	foreign := nats.NewMsg("softphone.stranger.acme.1000.Hello")
	foreign.Data = []byte{0xff, 0, '\n'}
	l.Store(foreign)
	l.Store(nats.NewMsg("softphone.device-counter.acme.1000.DeviceActivated"))
	hole := l.Last(x, events.PBX, "DeviceSignedIn")
	removed := l.Publish(events.NewFact(x, events.DeviceRemoved{DeviceID: "mac-1"}))
	l.Eventually("the seat is free", func() bool { return l.Last(x, events.DeviceCounter, "DeviceDeactivated") != nil })
	l.remove(removed)
	l.remove(hole.Sequence) // a dead letter's

	state := l.run("replay", "state", "device-counter")
	for _, want := range []string{"the log has gaps: 2 messages were deleted", "device:mac-1: should be m "} {
		if !strings.Contains(state.out+state.err, want) {
			t.Errorf("replay state says\n%s%s\nwant %q", state.out, state.err, want)
		}
	}
	decisions := l.run("replay", "decisions", "device-counter")
	for _, want := range []string{"foreign acme/1000", "gone acme-0/1000", "was deleted from the log", "the log has gaps"} {
		if !strings.Contains(decisions.out+decisions.err, want) {
			t.Errorf("replay decisions says\n%s%s\nwant %q", decisions.out, decisions.err, want)
		}
	}
	if r := l.want(softphonectl.Done, "events", "acme/1000"); strings.Count(r.out, "not readable") != 2 {
		t.Errorf("events says\n%s\nwant 2 that are not readable", r.out)
	}
	l.want(softphonectl.Done, "events", "acme/1000", "--tree", "--json")
	if r := l.want(softphonectl.Done, "status"); !strings.Contains(r.out, "2 deleted") {
		t.Errorf("status says nothing of the hole: %s", r.out)
	}

	file := filepath.Join(t.TempDir(), "log.ndjson")
	l.want(softphonectl.Done, "export", file)
	other := newLive(t)
	r := other.want(softphonectl.Done, "import", file, "--yes")
	if strings.Count(r.err, "it is imported as it is") != 2 {
		t.Errorf("import says %s", r.err)
	}
	again := filepath.Join(t.TempDir(), "again.ndjson")
	other.want(softphonectl.Done, "export", again)
	if a, b := bodies(t, file), bodies(t, again); !cmp.Equal(a, b) {
		t.Errorf("the imported log differs:\n%s", cmp.Diff(a, b))
	}
	other.start()
	other.Eventually("folded", func() bool {
		r := other.run("replay", "state")
		return r.code == softphonectl.Done && !strings.Contains(r.out, "no-checkpoint")
	})
}

func (l *live) remove(sequence uint64) {
	l.t.Helper()
	stream, err := l.JS.Stream(l.t.Context(), events.Stream)
	if err == nil {
		err = stream.DeleteMsg(l.t.Context(), sequence)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// bodies are subjects and bodies of an exported log.
func bodies(t *testing.T, file string) (all []string) {
	t.Helper()
	in, err := replay.OpenFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := replay.ReadFile(t.Context(), in, func(m eventlog.Message) error {
		all = append(all, fmt.Sprintf("%s %q", m.Subject, m.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// A checkpoint that somebody damaged stops its partition, for nobody knows any more
// what is folded. It is found, and a rebuild forgets it like any other.
func TestDamagedCheckpoint(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	partition := events.Extension{Tenant: "acme", Number: "1001"}.Partition()
	for name, damage := range map[string]func(ctx context.Context, key string) error{
		"a field is missing": func(ctx context.Context, key string) error { return l.State.HDel(ctx, key, "digest").Err() },
		"a number is none":   func(ctx context.Context, key string) error { return l.State.HSet(ctx, key, "seq", "x").Err() },
		"it is no hash":      func(ctx context.Context, key string) error { return l.State.Set(ctx, key, "x", 0).Err() },
	} {
		if err := damage(t.Context(), strings.TrimSuffix(l.hash(events.License, ann), "acme:1001")+"checkpoint"); err != nil {
			t.Fatal(err)
		}
		r := l.want(softphonectl.Differs, "status")
		if !strings.Contains(r.out, fmt.Sprintf("! license partition %d: the checkpoint in Redis is damaged", partition)) || strings.Contains(r.out, "! license: ") {
			t.Errorf("%s: status says\n%s%s", name, r.out, r.err)
		}
		r = l.want(softphonectl.Differs, "replay", "state", "license")
		if !strings.Contains(r.out, "damaged") || !strings.Contains(r.out, "`softphonectl rebuild license`") {
			t.Errorf("%s: replay state says\n%s%s", name, r.out, r.err)
		}
		r = l.want(softphonectl.Differs, "replay", "decisions", "license")
		if !strings.Contains(r.out, "damaged") || !strings.Contains(r.out, "1 event folded, 1 outcome compared, 1 difference\n") {
			t.Errorf("%s: replay decisions says\n%s%s", name, r.out, r.err)
		}
		l.want(softphonectl.Done, "rebuild", "license", "--yes")
		l.want(softphonectl.Done, "replay", "state", "license")
	}
}
