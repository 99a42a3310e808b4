package mailer

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestAsking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.run(w.config())
	for question, field := range map[string]string{
		`{"tenant":"acme"}`: "extension", `{"tenant":"A","extension":"1"}`: "tenant", `?`: "JSON",
	} {
		_, header := w.ask(question)
		if header.Get(micro.ErrorCodeHeader) != "400" || !strings.Contains(header.Get(micro.ErrorHeader), field) {
			t.Errorf("%s: %v, want 400 and %s", question, header, field)
		}
	}
	if answer, _ := w.ask(askAnna); !answer.Current || answer.Emails == nil || len(answer.Emails) != 0 {
		t.Errorf("nothing known: %+v", answer)
	}
	w.grant(anna, "anna@example.com")
	var last events.Recorded
	for range maxEmails + 5 {
		last = w.fact(anna, events.WelcomeEmailRequested{})
	}
	w.awaitOutcomes(last)
	answer, _ := w.ask(askAnna)
	if len(answer.Emails) != maxEmails || answer.Emails[0].MessageID != "<"+last.ID+".acme.1001@softphone.example>" {
		t.Errorf("%d mails, newest %+v", len(answer.Emails), answer.Emails[0])
	}
}

// An event that cannot even be tried is shown as what it is: dead, not queued for
// ever.
func TestDeadMailIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	state, err := w.log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	original, err := w.log.Get(t.Context(), granted.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.log.RecordDead(t.Context(), eventlog.DeadLetter{
		Worker: events.Mailer, Created: state.Created, Event: *original, Reason: errors.New("no template for anna@example.com"), Attempts: 1, At: time.Now(),
	}); err != nil {
		t.Fatal(err)
	}
	c := w.config()
	c.SMTP.URL = "smtp://127.0.0.1:1" // it stays as it is
	w.run(c)
	answer, _ := w.ask(askAnna)
	if len(answer.Emails) != 1 {
		t.Fatalf("%+v", answer)
	}
	e := answer.Emails[0]
	if e.State != StateDead || e.Reason != "no template for a***@example.com" || e.Advice != adviceDead || e.At.IsZero() || e.Since.After(e.At) {
		t.Errorf("shown %+v", e)
	}
}
