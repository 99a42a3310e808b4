package softphonectl_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	streams "github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// A person is erased while the workers run. Afterwards no file of a server has a byte of what the person was called, the
// workers go on, and folding the log comes to what they keep.
func TestErase(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	eve := events.Extension{Tenant: "acme", Number: "1666"}
	person := l.lives(eve)
	refusal := "sorry-we-do-not-know-eve" // a mail server's answer quotes addresses
	bucket, err := l.JS.KeyValue(t.Context(), streams.MailerBucket)
	if err == nil {
		_, err = bucket.PutString(t.Context(), "acme.1666.0", refusal)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.enable(ann)
	l.signIn(ann, "anns-mac")
	if r := l.run("erase", "acme/1666", "--yes"); r.code == softphonectl.Done || !strings.Contains(r.err, "delete it first") {
		t.Errorf("an extension in use is erased: exit %d, %s%s", r.code, r.out, r.err)
	}
	r := l.want(softphonectl.Done, "person", "acme/1666", "--json")
	for _, word := range person {
		if !strings.Contains(r.out, word) {
			t.Errorf("person does not tell %q:\n%s", word, r.out)
		}
		if l.files(word) == "" {
			t.Errorf("no file has %q before: this test shows nothing", word)
		}
	}
	before := len(l.Messages(events.Stream, "log.>"))
	l.gone(eve)
	l.want(softphonectl.Done, "erase", "acme/1666", "--yes", "--by", "the officer")
	for _, word := range append(person, refusal) {
		if where := l.files(word); where != "" {
			t.Errorf("%q is still in %s", word, where)
		}
	}
	if r := l.want(softphonectl.Done, "erase", "--list"); !strings.Contains(r.out, "acme/1666") || !strings.Contains(r.out, "the officer") {
		t.Errorf("the log does not say what was erased:\n%s", r.out)
	}
	l.want(softphonectl.Done, "replay", "state")
	l.want(softphonectl.Done, "replay", "decisions")
	l.want(softphonectl.Done, "status")
	if n := len(l.Messages(events.Stream, "log.>")); n >= before {
		t.Errorf("%d messages, %d before", n, before)
	}

	// Folded from the beginning it is the same, and nothing is told again.
	told := len(l.Messages(events.Stream, "log.>"))
	if err := l.State.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	workertest.Settled(t, l.World, license.Rules())
	workertest.Settled(t, l.World, devicecounter.Rules())
	workertest.Settled(t, l.World, namesync.Rules())
	l.want(softphonectl.Done, "replay", "state")
	if n := len(l.Messages(events.Stream, "log.>")); n != told {
		t.Errorf("%d messages after folding again, %d before", n, told)
	}

	// Whoever gets the extension next is somebody else, and counted on.
	l.enable(eve)
	if d := l.signIn(eve, "new-phone"); d.Outcome != (events.DeviceActivated{}).EventName() {
		t.Errorf("the next person's device: %+v", d)
	}
	if a := workertest.Get[events.LicenseAnswer](l.World, events.License, eve); !a.Active || a.Generation != 2 {
		t.Errorf("the next license: %+v", a)
	}
	if a := workertest.Get[events.DevicesAnswer](l.World, events.DeviceCounter, ann); a.Used != 1 {
		t.Errorf("another extension's devices: %+v", a)
	}
	l.want(softphonectl.Done, "replay", "state")
}

// An older copy of the log knows the person. With the list it is erased again.
func TestEraseAgainAfterARestore(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	eve := events.Extension{Tenant: "acme", Number: "1666"}
	person := l.lives(eve)
	l.gone(eve)
	backup := filepath.Join(t.TempDir(), "log.ndjson")
	l.want(softphonectl.Done, "export", backup)
	l.want(softphonectl.Done, "erase", "acme/1666", "--yes")
	list := filepath.Join(t.TempDir(), "erased.ndjson")
	if err := os.WriteFile(list, []byte(l.want(softphonectl.Done, "erase", "--list", "--json").out), 0o600); err != nil {
		t.Fatal(err)
	}
	clean := newLive(t)
	if r := clean.want(softphonectl.Done, "import", backup, "--erased", list, "--yes"); !strings.Contains(r.out, "acme/1666") {
		t.Errorf("import does not say what it erased: %s", r.out)
	}
	for _, word := range person {
		if where := clean.files(word); where != "" {
			t.Errorf("after an import with the list %q is in %s", word, where)
		}
	}
	clean.start()
	clean.want(softphonectl.Done, "replay", "state")
	if r := clean.run("import", backup, "--erased", filepath.Join(t.TempDir(), "none"), "--yes"); r.code != softphonectl.Usage {
		t.Errorf("a list that is not there: exit %d: %s", r.code, r.err)
	}
	to := newLive(t)
	to.want(softphonectl.Done, "import", backup, "--yes")
	if to.files(person[0]) == "" {
		t.Fatal("the backup does not know the person: this test shows nothing")
	}
	to.start() // so that Redis knows the person too
	workertest.Settled(t, to.World, license.Rules())
	workertest.Settled(t, to.World, devicecounter.Rules())
	workertest.Settled(t, to.World, namesync.Rules())
	to.stop()
	r := to.want(softphonectl.Done, "erase", "--again", "--from", list, "--yes") // waits for nobody
	if !strings.Contains(r.out+r.err, "once more when they do") {
		t.Errorf("it does not say that Redis is left: %s%s", r.out, r.err)
	}
	to.start()
	to.want(softphonectl.Done, "erase", "--again", "--from", list, "--yes")
	for _, word := range person {
		if where := to.files(word); where != "" {
			t.Errorf("%q is still in %s", word, where)
		}
	}
	to.want(softphonectl.Done, "replay", "state")
}

// An erasure was interrupted: its marker is stored, and the events are there still. No copy has them.
func TestCopiesLeaveOutWhatWasErased(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	eve := events.Extension{Tenant: "acme", Number: "1666"}
	person := l.lives(eve)
	l.enable(ann)
	l.gone(eve)
	marker := events.NewFact(eve, events.ExtensionErased{By: "the officer", Generation: 1, Messages: 1, Sequences: "1"})
	marker.Source = events.Operator
	l.Publish(marker)
	file := filepath.Join(t.TempDir(), "log.ndjson")
	l.want(softphonectl.Done, "export", file)
	imported, facts, into := newLive(t), newLive(t), newLive(t)
	imported.want(softphonectl.Done, "import", file, "--yes")
	imported.want(softphonectl.Done, "import", file, "--yes") // writes nothing
	facts.want(softphonectl.Done, "import", file, "--facts", "--yes")
	l.want(softphonectl.Done, "replay", "into", into.NATS.URL(), "--yes")
	for _, to := range []*live{imported, facts, into} {
		if len(to.Messages(events.Stream, "log.>")) == 0 {
			t.Error("nothing was copied: this test shows nothing")
		}
		for _, word := range person {
			if where := to.files(word); where != "" {
				t.Errorf("%q is in %s", word, where)
			}
		}
	}
	imported.start()
	imported.want(softphonectl.Done, "replay", "state")
}

// lives is a person's life with a softphone, and the words of it.
func (l *live) lives(x events.Extension) []string {
	l.t.Helper()
	l.Decide(events.NewFact(x, events.SoftphoneEnabled{Email: "eve.adams@private.example", Username: "eves-login", DisplayName: "Evelyn Adamsson"}))
	l.Eventually("the welcome e-mail", func() bool { return l.Last(x, events.Mailer, "*") != nil })
	l.Decide(events.NewFact(x, events.DeviceSignedIn{DeviceID: "mac-of-eve", Platform: events.PlatformMac, DeviceName: "Evelyns Mäc"}))
	l.Decide(events.NewFact(x, events.ExtensionRenamed{Name: "Evelyn Adamsson-Smith"}))
	l.Publish(events.NewFact(x, events.SoftphonePasswordReset{}))
	l.Eventually("the notice", func() bool { return len(l.Messages(events.Stream, "log.*.mailer."+x.Tenant+"."+x.Number+".>")) == 2 })
	l.Decide(events.NewFact(x, events.SoftphoneEmailChanged{Email: "evelyn@later.example"}))
	l.Eventually("the welcome to the new address and the notice to the old", func() bool {
		return len(l.Messages(events.Stream, "log.*.mailer."+x.Tenant+"."+x.Number+".>")) == 4
	})
	return []string{"eve.adams@private.example", "evelyn@later.example", "eves-login", "Evelyn Adamsson", "mac-of-eve", "Evelyns"}
}

// gone deletes the extension, and waits until its license is revoked.
func (l *live) gone(x events.Extension) {
	l.t.Helper()
	l.Decide(events.NewFact(x, events.ExtensionDeleted{}))
}

// files are those of NATS and Redis that have a text.
func (l *live) files(text string) string {
	l.t.Helper()
	var found []string
	for _, dir := range []string{l.NATS.Dir(), l.Redis.Dir()} {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil //nolint:nilerr // what is gone meanwhile holds nothing
			}
			if body, err := os.ReadFile(path); err == nil && bytes.Contains(body, []byte(text)) {
				found = append(found, path)
			}
			return nil
		})
	}
	return strings.Join(found, ", ")
}

// A backup of the log's servers has an erasure and what it covers: it was made while that was under way. Nothing is
// served from it until it is erased again.
func TestNothingIsServedFromARestoredBackup(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	eve := events.Extension{Tenant: "acme", Number: "1666"}
	person := l.lives(eve)
	l.enable(ann)
	l.gone(eve)
	l.stop()
	var covered []string
	for _, m := range l.Messages(events.Stream, events.LogSubject(events.AnyPartition, "*", eve.Tenant, eve.Number, "*")) {
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		covered = append(covered, strconv.FormatUint(meta.Sequence.Stream, 10))
	}
	marker := events.NewFact(eve, events.ExtensionErased{
		By: "the officer", Generation: 1, Messages: len(covered), Sequences: strings.Join(covered, " "),
	})
	marker.Source, marker.Time = events.Operator, time.Now().Add(-time.Hour)
	l.Publish(marker)
	l.NATS.Stop()
	backup := l.NATS.CopyStore()
	l.NATS.Start()
	l.want(softphonectl.Done, "erase", "--again", "--yes")
	l.NATS.Stop()
	l.NATS.PutBackStore(backup)
	l.NATS.Start()
	if l.files(person[0]) == "" {
		t.Fatal("the backup does not know the person: this test shows nothing")
	}

	var last uint64
	l.Eventually("the log answers again", func() bool {
		state, err := l.Log.State(t.Context())
		last = state.Last
		return err == nil
	})
	c := l.Config("replica-2")
	l.Start(func(ctx context.Context) error { return license.Run(ctx, c) })
	d := l.Config("replica-2")
	l.Start(func(ctx context.Context) error { return devicecounter.Run(ctx, d) })
	l.Eventually("both say what to type", func() bool {
		return strings.Count(l.Lines(), "acme/1666, which was erased") == 2 && strings.Contains(l.Lines(), "softphonectl erase --again")
	})
	if report := c.Host.Health.Report(); !strings.Contains(fmt.Sprint(report), "acme/1666") {
		t.Errorf("its health does not say it: %+v", report)
	}
	if state, err := l.Log.State(t.Context()); err != nil || state.Last != last {
		t.Errorf("the log ends at %d, at %d before: somebody works (%v)", state.Last, last, err)
	}
	l.want(softphonectl.Done, "erase", "--again", "--yes")
	l.Shares(events.License, "replica-2")
	l.Shares(events.DeviceCounter, "replica-2")
	if a := workertest.Get[events.LicenseAnswer](l.World, events.License, ann); !a.Active {
		t.Errorf("another extension's license: %+v", a)
	}
	workertest.Settled(t, l.World, license.Rules())
	workertest.Settled(t, l.World, devicecounter.Rules())
	l.want(softphonectl.Done, "erase", "--again", "--yes") // for Redis
	for _, word := range person {
		if where := l.files(word); where != "" && !strings.Contains(word, "Evelyn Adamsson") { // name-sync does not run, and keeps the name
			t.Errorf("%q is still in %s", word, where)
		}
	}
}
