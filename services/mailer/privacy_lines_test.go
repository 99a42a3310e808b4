package mailer

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/mailer/bounce"
)

// brandThatFails is a directory of brands whose welcome cannot be written to
// somebody, which no check of the brands can know.
func brandThatFails(t *testing.T, username string) string {
	t.Helper()
	dir := t.TempDir()
	folder := filepath.Join(dir, "acme", "templates")
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(dir, "acme.yaml"), []byte("name: Acme\n"), 0o600),
		os.WriteFile(filepath.Join(folder, "welcome.txt"), []byte(`{{if eq .Username "`+username+`"}}{{index .Username 99}}{{end}}`), 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// unreadable stores a license whose address is none.
func (w *world) unreadable() (sequence uint64) {
	w.t.Helper()
	const id = "01928c7e-0a3b-7c4d-8e5f-60718293a4b5"
	m := nats.NewMsg("softphone.license.acme.6.LicenseGranted")
	m.Data = []byte(`{"specversion":"1.0","id":"` + id + `","source":"license","type":"com.mycloudpbx.LicenseGranted","subject":"acme/6",` +
		`"time":"2026-03-09T08:15:00Z","data":{"licenseId":"` + id + `","generation":1,"deviceLimit":4,` +
		`"email":"Doe <emil@example.com>","username":"anna.6","displayName":"Doe, Änne"}}`)
	receipt, err := w.log.Publish(w.t.Context(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt.Sequence
}

// buried waits until events are dead letters, and returns the reasons.
func (w *world) buried(sequences ...uint64) (reasons string) {
	w.t.Helper()
	for _, sequence := range sequences {
		w.eventually("a dead letter", func() bool {
			letter, err := w.log.FindDead(w.t.Context(), events.Mailer, sequence)
			if err == nil && letter != nil {
				reasons += letter.Reason + "\n"
			}
			return err == nil && letter != nil
		})
	}
	return reasons
}

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
	c.Mail.Brands = brandThatFails(t, "anna.5")
	w.run(c)
	x := func(number string) events.Extension { return events.Extension{Tenant: "acme", Number: number} }
	sent, gone, full := w.grant(x("1"), "anna@example.com"), w.grant(x("2"), "gone@example.com"), w.grant(x("3"), "full@example.com")
	mail := w.awaitOutcomes(sent, gone, full)[sent.ID].Data.(events.EmailSent)
	w.awaitOutcomes(w.fact(x("2"), events.SoftphonePasswordReset{}))
	m := &mailer{ledger: ledger{log: w.log, logger: c.Host.Log, metrics: newMetrics(c.Host.Metrics)}, logger: c.Host.Log}
	if err := m.bounced(t.Context(), bounce.Notification{MessageIDs: []string{mail.MessageID}, Recipients: []bounce.Recipient{
		{Address: "anna@example.com", Action: bounce.Failed, Enhanced: "5.1.1", Reason: "550 anna@example.com is gone"},
	}}); err != nil {
		t.Fatal(err)
	}
	reasons := w.buried(w.grant(x("5"), "dora@example.com").Sequence, w.unreadable())
	w.grant(x("4"), "unfit@example.com")
	w.eventually("a pause", func() bool { return strings.Contains(w.lines.String(), "work is paused") })
	text := w.lines.String() + reasons
	for _, said := range []string{"e-mail sent", "failed for good", "postponed", "e-mail bounced", "work is paused", "e-mail skipped", "dead letter"} {
		if !strings.Contains(text, said) {
			t.Errorf("no line says %q: the test tests nothing", said)
		}
	}
	for _, found := range regexp.MustCompile(`[\w.+-]{2,}@[\w.-]+|Änne|Doe|anna\.\d`).FindAllString(text, 5) {
		t.Errorf("a line shows %s", found)
	}
	for cause, steps := range w.published() {
		for _, e := range steps {
			body, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(body), "other.person@") || strings.Contains(string(body), "Änne") {
				t.Errorf("published of %s: %s", cause, body)
			}
		}
	}
}
