package mailer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.run(w.config())

	early := w.fact(anna, events.SoftphonePasswordReset{})
	w.awaitOutcomes(early)
	granted := w.grant(anna, "anna@example.com")
	w.awaitOutcomes(granted)
	again := w.fact(anna, events.WelcomeEmailRequested{})
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	w.awaitOutcomes(again, reset)
	w.revoke(anna, granted.Data.(events.LicenseGranted).LicenseID)
	late := w.fact(anna, events.WelcomeEmailRequested{})
	outcomes := w.awaitOutcomes(late)

	if len(outcomes) != 5 {
		t.Fatalf("%d outcomes, want 5", len(outcomes))
	}
	license := granted.Data.(events.LicenseGranted).LicenseID
	id := func(c events.Recorded) string { return "<" + c.ID + ".acme.1001@softphone.example>" }
	for cause, want := range map[string]events.Data{
		early.ID:   events.EmailSkipped{Kind: "password-changed", Reason: "not_licensed"},
		granted.ID: events.EmailSent{Kind: "welcome", LicenseID: license, To: "anna@example.com", MessageID: id(granted), SMTPCode: 250},
		again.ID:   events.EmailSent{Kind: "welcome", LicenseID: license, To: "anna@example.com", MessageID: id(again), SMTPCode: 250},
		reset.ID:   events.EmailSent{Kind: "password-changed", LicenseID: license, To: "anna@example.com", MessageID: id(reset), SMTPCode: 250},
		late.ID:    events.EmailSkipped{Kind: "welcome", LicenseID: license, To: "anna@example.com", Reason: "not_licensed"},
	} {
		got := outcomes[cause].Data
		if mail, is := got.(events.EmailSent); is {
			mail.Reason, mail.QueueID = "", "" // the server's words
			got = mail
		}
		if got != want {
			t.Errorf("cause %s: %+v, want %+v", cause, got, want)
		}
	}
	mails := w.relay.Mails()
	if len(mails) != 3 {
		t.Fatalf("%d mails, want 3", len(mails))
	}
	for _, m := range mails {
		p := parse(t, m.Data)
		if to := p.address(t, "To"); to.Address != "anna@example.com" || to.Name != "Doe, Änne" {
			t.Errorf("to %v", to)
		}
	}

	answer, _ := w.ask(askAnna)
	var states []string
	for _, e := range answer.Emails {
		states = append(states, e.Kind+" "+e.State)
	}
	want := "[welcome skipped password-changed sent welcome sent welcome sent password-changed skipped]"
	if got := fmt.Sprint(states); got != want || !answer.Current {
		t.Errorf("answer %s (current %v), want %s", got, answer.Current, want)
	}
}

// While the event waited the license was replaced: only the new one gets a welcome.
func TestReplacedLicense(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	first := w.grant(anna, "old@example.com")
	w.revoke(anna, first.Data.(events.LicenseGranted).LicenseID)
	second := w.grant(anna, "new@example.com")
	w.run(w.config())
	outcomes := w.awaitOutcomes(first, second)
	if skipped, ok := outcomes[first.ID].Data.(events.EmailSkipped); !ok || skipped.Reason != ReasonNotCurrent {
		t.Errorf("first: %+v", outcomes[first.ID].Data)
	}
	mails := w.relay.Mails()
	if len(mails) != 1 || mails[0].To[0] != "new@example.com" {
		t.Errorf("mails %+v", mails)
	}
}

// A password that was set before the license is no change to who gets the license:
// an Enable that was tried again sets one. There is the welcome, and no notice,
// however late the mailer comes to it.
func TestPasswordBeforeTheLicense(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	granted := w.grant(anna, "anna@example.com")
	w.run(w.config())
	outcomes := w.awaitOutcomes(reset, granted)
	if skipped, ok := outcomes[reset.ID].Data.(events.EmailSkipped); !ok || skipped.Reason != ReasonNotCurrent {
		t.Errorf("of the password: %+v", outcomes[reset.ID].Data)
	}
	if _, sent := outcomes[granted.ID].Data.(events.EmailSent); !sent || len(w.relay.Mails()) != 1 {
		t.Errorf("of the license: %+v; %d mails, want 1", outcomes[granted.ID].Data, len(w.relay.Mails()))
	}
}

func TestUnreadableEventIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	m := nats.NewMsg("softphone.pbx.acme.1001.SoftphonePasswordReset")
	m.Data = []byte(`{"specversion":"1.0"}`)
	if _, err := w.log.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.run(w.config())
	granted := w.grant(anna, "anna@example.com")
	w.awaitOutcomes(granted) // it stops nothing
	dead, err := w.log.JetStream().Stream(t.Context(), events.DeadStream)
	if err != nil || dead.CachedInfo().State.Msgs != 1 {
		t.Fatalf("dead letters: %v", err)
	}
	letter, err := dead.GetMsg(t.Context(), 1)
	if err != nil || !strings.HasPrefix(letter.Subject, "dead.mailer.") || letter.Header.Get(eventlog.HeaderDeadReason) == "" {
		t.Errorf("%+v, %v", letter, err)
	}
}

func TestStartNeedsTheLog(t *testing.T) {
	t.Parallel()
	w := &world{t: t, nats: servertest.NATS(t), relay: servertest.SMTP(t, servertest.SMTPScript{})}
	if err := Run(t.Context(), w.config()); !errors.Is(err, eventlog.ErrNoStream) {
		t.Errorf("%v, want ErrNoStream", err)
	}
}
