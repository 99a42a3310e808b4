package mailer

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestPasswordsOfOthersAreNotCopied(t *testing.T) {
	t.Parallel()
	const secret = "correct horse battery"
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.run(w.config())
	granted := w.grant(anna, "anna@example.com")
	w.awaitOutcomes(granted)
	// Facts with fields the contract does not have, as another system might write them.
	for _, name := range []string{"WelcomeEmailRequested", "SoftphonePasswordReset"} {
		var e events.Event
		if name == "WelcomeEmailRequested" {
			e = events.NewFact(anna, events.WelcomeEmailRequested{})
		} else {
			e = events.NewFact(anna, events.SoftphonePasswordReset{})
		}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Replace(body, []byte(`"data":{`), []byte(`"data":{"password":"`+secret+`"`), 1)
		if bytes.Equal(bad, body) {
			t.Fatalf("no data in %s", body)
		}
		m := nats.NewMsg(e.Subject())
		m.Data = bad
		receipt, err := w.log.Publish(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		w.awaitOutcomes(events.Recorded{Event: e, Sequence: receipt.Sequence})
	}
	if n := len(w.relay.Mails()); n != 3 {
		t.Errorf("%d mails, want 3", n)
	}
	for _, m := range w.relay.Mails() {
		for kind, body := range parse(t, m.Data).parts {
			if strings.Contains(body, secret) {
				t.Errorf("a password is in a mail's %s", kind)
			}
		}
	}
	for _, outcome := range w.outcomes() {
		if body, err := outcome.Encode(); err != nil || bytes.Contains(body, []byte(secret)) {
			t.Errorf("a password is in an outcome, or: %v", err)
		}
	}
	if strings.Contains(w.lines.String(), secret) {
		t.Error("a password is in a log line")
	}
}
