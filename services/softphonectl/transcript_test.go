package softphonectl_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// What whoever is on call sees, command by command, on a running system.

func TestLooking(t *testing.T) {
	t.Parallel()
	tr := transcript{live: newLive(t)}
	tr.run("status")
	tr.start()
	tr.enable(ann)
	for _, device := range []string{"mac-1", "mac-2", "mac-3", "mac-4", "mac-5"} {
		tr.signIn(ann, device)
	}
	tr.Decide(events.NewFact(ann, events.ExtensionRenamed{Name: "Ann Lee"}))
	tr.run("status")
	tr.run("events")
	tr.run("events", "acme/1001", "--tree")
	tr.run("events", "--tenant", "acme", "--type", "DeviceActivated", "--limit", "2")
	tr.run("events", "--source", "mailer,name-sync", "--since", "1h", "--json")
	tr.run("events", "--tenant", "other")
	tr.run("events", "--since", "yesterday")
	tr.run("license", "acme/1001")
	tr.run("license", "--tenant", "acme", "--extension", "1002")
	tr.run("devices", "acme/1001")
	tr.run("devices", "acme/1001", "--json")
	tr.run("emails", "acme/1001", "--history")
	tr.run("license")
	tr.run("help", "exit-codes")
	tr.golden("looking")
}

func TestComparingAndRepairing(t *testing.T) {
	t.Parallel()
	tr := transcript{live: newLive(t)}
	tr.start()
	tr.enable(ann)
	tr.signIn(ann, "mac-1")
	tr.run("replay", "state")
	tr.run("replay", "decisions")

	tr.note("A seat is added by hand, and the count is wrong.")
	hash := tr.hash(events.DeviceCounter, ann)
	if err := tr.State.HSet(t.Context(), hash, "device:evil", "m mjwn4q3p Evil", "used", "3").Err(); err != nil {
		t.Fatal(err)
	}
	tr.run("replay", "state", "device-counter")
	tr.run("replay", "state", "device-counter", "--json")
	tr.run("replay", "state", "device-counter", "--apply")
	tr.run("replay", "state", "device-counter", "--apply", "--dry-run")
	tr.run("replay", "state", "device-counter", "--apply", "--yes")
	tr.run("replay", "state", "device-counter")

	tr.note("A state is lost, and one is there that nobody made.")
	if err := tr.State.Rename(t.Context(), tr.hash(events.License, ann), strings.Replace(tr.hash(events.License, ann), ":1001", ":999", 1)).Err(); err != nil {
		t.Fatal(err)
	}
	tr.run("replay", "state", "license", "--apply", "--yes")
	tr.run("license", "acme/1001")

	tr.note("Somebody else publishes as a worker.")
	cause := events.NewFact(ann, events.ExtensionDeleted{})
	tr.Store(workertest.Outcome(t, events.License, cause, 1, events.LicenseRevoked{LicenseID: cause.ID, Generation: 7}))
	tr.run("replay", "decisions", "license")
	tr.run("replay", "state", "mailer")
	tr.golden("repairing")
}

func TestMailDeadLettersAndRebuild(t *testing.T) {
	t.Parallel()
	tr := transcript{live: newLive(t)}
	tr.start()
	tr.enable(ann)
	tr.run("replay", "mail")
	tr.run("replay", "mail", "--state", "sent")
	if n := len(tr.relay.Wait(1, soon)); n != 1 {
		t.Errorf("%d e-mails after a dry run, want 1", n)
	}
	tr.run("replay", "mail", "--state", "sent", "--yes")
	tr.Eventually("the second e-mail", func() bool { return len(tr.relay.Mails()) == 2 })
	m := tr.Last(ann, events.Mailer, "EmailSent")
	tr.Eventually("its outcome", func() bool {
		return tr.Last(ann, events.Mailer, "EmailSent").Sequence > m.Sequence || len(tr.Messages(events.Stream, "log.*.mailer.>")) == 2
	})
	tr.run("replay", "mail", "--state", "sent", "--yes")
	if n := len(tr.relay.Mails()); n != 2 {
		t.Errorf("%d e-mails after repeating, want 2", n)
	}

	tr.note("A fact that cannot be read, and one that can.")
	bad := workertest.Message(t, events.NewFact(ann, events.DeviceRemoved{DeviceID: "mac-1"}))
	bad.Data = []byte(`{"specversion":"1.0"`)
	tr.DecideMessage(bad)
	tr.run("dead-letters", "list")
	tr.run("replay", "state", "device-counter")
	tr.run("replay", "decisions", "device-counter")
	tr.run("dead-letters", "retry", "--worker", "device-counter", "--yes")
	tr.run("dead-letters", "drop", "--all")
	tr.run("dead-letters", "drop", "--all", "--dry-run")
	tr.run("dead-letters", "drop", "--all", "--yes", "--json")
	tr.run("dead-letters", "list")
	tr.run("dead-letters", "show", "license.1.1")

	tr.run("rebuild", "device-counter", "--dry-run")
	tr.run("rebuild", "device-counter")
	tr.run("rebuild", "device-counter", "--yes")
	tr.run("replay", "state", "device-counter")
	tr.run("rebuild", "mailer")
	tr.golden("mail-dead-letters-rebuild")
}

func TestMovingTheLog(t *testing.T) {
	t.Parallel()
	tr := transcript{live: newLive(t)}
	tr.start()
	tr.enable(ann)
	tr.signIn(ann, "mac-1")
	file := filepath.Join(t.TempDir(), "log.ndjson.gz")
	tr.run("export", file)
	tr.run("import", file, "--yes")

	other := newLive(t)
	tr.run("replay", "into", other.NATS.URL())
	tr.run("replay", "into", other.NATS.URL(), "--dry-run")
	tr.run("replay", "into", other.NATS.URL(), "--yes", "--anonymize")
	tr.run("replay", "into", other.NATS.URL(), "--yes", "--anonymize", "--json")
	tr.run("replay", "into", tr.NATS.URL(), "--yes")
	tr.run("replay", "into", other.NATS.URL(), "--yes", "--speed", "fast")
	tr.golden("moving")

	in := transcript{live: newLive(t)}
	in.run("import", file)
	in.run("import", file, "--dry-run")
	in.run("import", file, "--yes")
	in.run("import", file, "--yes")
	in.run("import", "/nowhere.ndjson", "--yes")
	in.start()
	in.run("replay", "decisions")
	in.run("license", "acme/1001")
	in.run("emails", "acme/1001")
	if n := len(in.relay.Mails()); n != 0 {
		t.Errorf("importing sent %d e-mails", n)
	}
	in.golden("importing")
}
