package mailer

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/mailer/bounce"
)

// Mails of every fate, a server that repeats addresses wherever it can, and log
// lines of every level: none shows an address or a name.
func TestLinesShowNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{
		Mail: func(string) error { return nil },
		Rcpt: func(to string) error {
			switch {
			case strings.HasPrefix(to, "gone"):
				return servertest.SMTPAnswer(550, 5, 1, 1, "<"+to+">: no such user, try other.person@example.com")
			case strings.HasPrefix(to, "full"):
				return servertest.SMTPAnswer(452, 4, 2, 2, to+" is full")
			case strings.HasPrefix(to, "unfit"):
				return servertest.SMTPAnswer(530, 5, 7, 0, to+" wants authentication")
			}
			return nil
		},
	}, 0)
	c := w.config()
	c.Deadline, c.MinAttempts = time.Millisecond, 3
	w.run(c)
	x := func(number string) events.Extension { return events.Extension{Tenant: "acme", Number: number} }
	sent, gone, full := w.grant(x("1"), "anna@example.com"), w.grant(x("2"), "gone@example.com"), w.grant(x("3"), "full@example.com")
	mail := w.told(sent, gone, full)[sent.ID].Data.(events.EmailSent)
	w.told(w.fact(x("2"), events.SoftphonePasswordReset{}))
	m := &mailer{ledger: ledger{log: w.log, logger: c.Host.Log, metrics: newMetrics(c.Host.Metrics)}, logger: c.Host.Log}
	if err := m.bounced(t.Context(), bounce.Notification{MessageIDs: []string{mail.MessageID}, Recipients: []bounce.Recipient{
		{Address: "anna@example.com", Action: bounce.Failed, Enhanced: "5.1.1", Reason: "550 anna@example.com is gone"},
	}}); err != nil {
		t.Fatal(err)
	}
	w.grant(x("4"), "unfit@example.com")
	w.eventually("a pause", func() bool { return strings.Contains(w.lines.String(), "work is paused") })
	text := w.lines.String()
	for _, said := range []string{"e-mail sent", "failed for good", "postponed", "e-mail bounced", "work is paused", "e-mail skipped"} {
		if !strings.Contains(text, said) {
			t.Errorf("no line says %q: the test tests nothing", said)
		}
	}
	for _, found := range regexp.MustCompile(`[\w.+-]{2,}@[\w.-]+|Änne|Doe|anna\.\d`).FindAllString(text, 5) {
		t.Errorf("a line shows %s", found)
	}
	for cause, tale := range w.tales() {
		for _, e := range tale {
			body, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(body), "other.person@") || strings.Contains(string(body), "Änne") {
				t.Errorf("told of %s: %s", cause, body)
			}
		}
	}
}
