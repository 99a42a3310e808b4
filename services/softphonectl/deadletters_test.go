package softphonectl_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// bury makes a dead letter of the last event of a name.
func (l *live) bury(worker, source, name string) {
	l.t.Helper()
	state, err := l.Log.State(l.t.Context())
	if err == nil {
		_, err = l.Log.RecordDead(l.t.Context(), eventlog.DeadLetter{
			Worker: worker, Created: state.Created, Event: *l.Last(ann, source, name), Reason: errors.New("the moon was full"), Attempts: 3, At: time.Now(),
		})
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// What was said in vain is republished, by whoever may say it, and once.
func TestRetry(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	l.signIn(ann, "mac-1")
	l.Decide(events.NewFact(ann, events.ExtensionRenamed{Name: "Ann Lee"}))
	l.bury(events.Mailer, events.License, "LicenseGranted")
	l.bury("name-sync-push", events.NameSync, "SoftphoneRenamed")
	l.bury(events.DeviceCounter, events.PBX, "DeviceSignedIn")
	l.bury(events.License, events.DeviceCounter, "DeviceActivated")

	list := l.want(softphonectl.Done, "dead-letters", "list", "--json", "--reason", "moon", "--tenant", "acme")
	if n := len(jsonLines(t, list.out)); n != 4 {
		t.Fatalf("lists %d, want 4: %s", n, list.out)
	}
	id, _ := jsonLines(t, list.out)[0]["id"].(string)
	if r := l.want(softphonectl.Done, "dead-letters", "show", id); !strings.Contains(r.out, "the moon was full") || !strings.Contains(r.out, `"specversion":"1.0"`) {
		t.Errorf("show says %s", r.out)
	}
	facts := func() int { return len(l.Messages(events.Stream, "log.*.pbx.>")) }
	before := facts()
	l.want(softphonectl.Partly, "dead-letters", "retry", "--all", "--dry-run")
	if n := facts(); n != before {
		t.Errorf("a dry run published %d facts", n-before)
	}
	r := l.want(softphonectl.Partly, "dead-letters", "retry", "--all", "--yes")
	if strings.Count(r.out, "republished") != 3 || !strings.Contains(r.out, "only its worker publishes an outcome") {
		t.Errorf("retry says %s", r.out)
	}
	if n := facts() - before; n != 3 {
		t.Errorf("%d facts were published, want 3", n)
	}
	for _, name := range []string{"WelcomeEmailRequested", "ExtensionRenamed", "DeviceSignedIn"} {
		if l.Last(ann, events.PBX, name) == nil {
			t.Errorf("no %s was published", name)
		}
	}
	if n := len(l.relay.Wait(2, soon)); n != 2 {
		t.Errorf("%d e-mails, want the welcome and the one said again", n)
	}
	left := l.want(softphonectl.Done, "dead-letters", "list", "--json")
	if n := len(jsonLines(t, left.out)); n != 1 {
		t.Errorf("%d dead letters are left, want 1: %s", n, left.out)
	}
	l.bury(events.DeviceCounter, events.PBX, "DeviceSignedIn") // the new one: it is another event
	if r := l.want(softphonectl.Done, "dead-letters", "list", "--limit", "1"); strings.Count(r.out, "\n") != 1 {
		t.Errorf("a limit of 1 lists %s", r.out)
	}
}

// An ID names one dead letter, and no pattern does: nothing is dropped that nobody named.
func TestPatternsNameNoDeadLetter(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.Publish(events.NewFact(ann, events.ExtensionDeleted{}))
	l.bury(events.License, events.PBX, "ExtensionDeleted")
	for _, id := range []string{">", "*.*.*", "license.>"} {
		if r := l.run("dead-letters", "drop", id, "--yes"); r.code != softphonectl.Failed || !strings.Contains(r.err, "no such dead letter") {
			t.Errorf("%s: exit %d, %s%s", id, r.code, r.out, r.err)
		}
	}
	if r := l.want(softphonectl.Done, "dead-letters", "list"); strings.Count(r.out, "\n") != 1 {
		t.Errorf("left are %q, want the one that was there", r.out)
	}
}
