package softphonectl_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// An e-mail that failed once more is not said to be sent, and can be tried again.
func TestMailThatFailsAgain(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.relay.SetScript(servertest.SMTPScript{Rcpt: func(string) error {
		return servertest.SMTPAnswer(550, 5, 7, 1, "blocked by a filter")
	}})
	l.start()
	l.enable(ann)
	outcomes := func(n int) {
		t.Helper()
		l.Eventually("the outcome of an e-mail", func() bool { return len(l.Messages(events.Stream, "log.*.mailer.>")) == n })
	}
	l.want(softphonectl.Done, "replay", "mail", "--yes")
	outcomes(2)
	for range 2 {
		r := l.want(softphonectl.Done, "replay", "mail", "--yes")
		if !strings.HasPrefix(r.out, "failed-again acme/1001") || !strings.Contains(r.err, "--round 2") {
			t.Errorf("of one that failed again it says %s%s", r.out, r.err)
		}
	}
	l.relay.SetScript(servertest.SMTPScript{})
	l.want(softphonectl.Done, "replay", "mail", "--round", "2", "--yes")
	outcomes(3)
	if r := l.want(softphonectl.Done, "replay", "mail", "--round", "2"); !strings.HasPrefix(r.out, "sent-again") {
		t.Errorf("of one that was sent it says %s%s", r.out, r.err)
	}
	if n := len(l.relay.Mails()); n != 1 {
		t.Errorf("%d e-mails were sent, want 1", n)
	}
}

// Skips that the log itself shows to be wrong are found, and repaired once each, however
// often and by however many at once; the others stay.
func TestMailThatWasSkippedWrongly(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	skip := func(cause events.Event, sequence uint64, kind, reason string) {
		l.Store(workertest.Outcome(t, events.Mailer, cause, sequence, events.EmailSkipped{Kind: kind, Reason: reason}))
	}
	// granted is an extension with a license, as the license worker leaves it.
	granted := func(number string) (license events.Event, sequence uint64) {
		x := events.Extension{Tenant: "acme", Number: number}
		enabled := events.NewFact(x, events.SoftphoneEnabled{Email: number + "@example.com", Username: "user" + number, DisplayName: "User " + number})
		at := l.Publish(enabled)
		license = events.NewOutcome(events.License, enabled, events.LicenseGranted{
			LicenseID: enabled.ID, Generation: 1, DeviceLimit: 4, Email: number + "@example.com", Username: "user" + number, DisplayName: "User " + number,
		})
		return license, l.Store(workertest.Outcome(t, events.License, enabled, at, license.Data))
	}
	revoke := func(x events.Extension) {
		disabled := events.NewFact(x, events.SoftphoneDisabled{})
		l.Store(workertest.Outcome(t, events.License, disabled, l.Publish(disabled), events.LicenseRevoked{LicenseID: disabled.ID, Generation: 1}))
	}
	fact := func(x events.Extension, data events.Data) (events.Event, uint64) {
		f := events.NewFact(x, data)
		return f, l.Publish(f)
	}

	wrong, at := granted("1")
	skip(wrong, at, events.KindWelcome, "license_not_current")
	sent := func(license events.Event, sequence uint64, id string) {
		l.Store(workertest.Outcome(t, events.Mailer, license, sequence, events.EmailSent{
			Kind: events.KindWelcome, LicenseID: license.ID, To: license.Extension.Number + "@example.com", MessageID: "<" + id + "@example.com>", SMTPCode: 250,
		}))
	}
	again, at := granted("2")
	sent(again, at, "first")
	request, at := fact(again.Extension, events.WelcomeEmailRequested{})
	skip(request, at, events.KindWelcome, "not_licensed")
	right, at := granted("3")
	revoke(right.Extension)
	skip(right, at, events.KindWelcome, "license_not_current")
	revoked, at := granted("4")
	skip(revoked, at, events.KindWelcome, "license_not_current")
	revoke(revoked.Extension)
	failed, at := granted("5")
	skip(failed, at, events.KindWelcome, "recipient_failed")
	notice, at := granted("6")
	sent(notice, at, "welcome")
	reset, at := fact(notice.Extension, events.SoftphonePasswordReset{})
	skip(reset, at, "password-changed", "not_licensed")
	since, at := granted("7")
	skip(since, at, events.KindWelcome, "license_not_current")
	request, at = fact(since.Extension, events.WelcomeEmailRequested{})
	sent(request, at, "since")

	l.start()
	states := func() map[string]string {
		t.Helper()
		found := map[string]string{}
		for _, line := range jsonLines(t, l.want(softphonectl.Done, "replay", "mail", "--skipped", "--json").out) {
			found[line["extension"].(string)] = line["state"].(string)
		}
		return found
	}
	if diff := cmp.Diff(map[string]string{"1": "to-send", "2": "to-send", "6": "notice", "7": "sent-since"}, states()); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if r := l.run("replay", "mail", "--skipped", "--yes"); r.code != softphonectl.Done {
				t.Errorf("exit %d: %s", r.code, r.err)
			}
		})
	}
	group.Wait()
	l.Eventually("the e-mails are sent", func() bool { s := states(); return s["1"] == "sent-again" && s["2"] == "sent-again" })
	l.want(softphonectl.Done, "replay", "mail", "--skipped", "--yes")
	l.Eventually("the mailer is done", func() bool {
		idle, err := servertest.Idle(t.Context(), l.JS, events.Stream, events.Mailer)
		return idle && err == nil
	})
	to := map[string]int{}
	for _, mail := range l.relay.Mails() {
		to[mail.To[0]]++
	}
	if diff := cmp.Diff(map[string]int{"1@example.com": 1, "2@example.com": 1}, to); diff != "" {
		t.Errorf("e-mails sent (-want +got):\n%s", diff)
	}
}
