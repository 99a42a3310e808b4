package mailer

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/mailer/bounce"
)

// notification is what a mail server sends back.
func notification(messageID, action, status, diagnostic string) []byte {
	return fmt.Appendf(nil, "From: MAILER-DAEMON@relay.example.com\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n"+
		"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example.com\r\n\r\n"+
		"Final-Recipient: rfc822; anna@example.com\r\nAction: %s\r\nStatus: %s\r\nDiagnostic-Code: smtp; %s\r\n\r\n"+
		"--x\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-Id: %s\r\n\r\n--x--\r\n", action, status, diagnostic, messageID)
}

func maildir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A mail comes back: that is in the log and shown, and the recipient gets nothing
// more by itself. A second copy of the notification changes nothing; nor does one
// that says that the mail is late, or one about a mail that was never sent.
func TestBounces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	c := w.config()
	c.Bounces = Bounces{Dir: maildir(t), Every: 5 * time.Millisecond}
	w.run(c)
	granted := w.grant(anna, "anna@example.com")
	sent := w.awaitOutcomes(granted)[granted.ID].Data.(events.EmailSent)
	deliver := func(name string, raw []byte) {
		t.Helper()
		part := filepath.Join(c.Bounces.Dir, "tmp", name)
		if err := errors.Join(os.WriteFile(part, raw, 0o600), os.Rename(part, filepath.Join(c.Bounces.Dir, "new", name))); err != nil {
			t.Fatal(err)
		}
		w.eventually("it is read", func() bool {
			_, err := os.Stat(filepath.Join(c.Bounces.Dir, "cur", name+":2,S"))
			return err == nil
		})
	}
	deliver("1", notification(sent.MessageID, "delayed", "4.4.1", "451 mx.example.com did not answer for anna@example.com"))
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	if outcomes := w.awaitOutcomes(reset)[reset.ID]; outcomes.EventName() != "EmailSent" {
		t.Errorf("while a mail is late: %+v", outcomes)
	}
	if answer, _ := w.ask(askAnna); answer.Emails[1].State != StateSent || answer.Emails[1].Advice != adviceLate {
		t.Errorf("late: shown %+v", answer.Emails[1])
	}
	for i := range 3 {
		deliver(fmt.Sprint("2-", i), notification(sent.MessageID, "failed", "5.1.1", "550 5.1.1 <anna@example.com> no such user"))
	}
	var bounced []events.Event
	for _, e := range w.published()[granted.ID] {
		if e.EventName() == "EmailBounced" {
			bounced = append(bounced, e)
		}
	}
	want := events.EmailBounced{
		Kind: "welcome", LicenseID: sent.LicenseID, To: "anna@example.com", MessageID: sent.MessageID,
		Reason: "550 5.1.1 <a***@example.com> no such user", EnhancedCode: "5.1.1", SMTPCode: 550, Action: "failed",
	}
	if len(bounced) != 2 || bounced[1].Data != want {
		t.Errorf("published %+v, want it late and then %+v", bounced, want)
	}
	answer, _ := w.ask(askAnna)
	if e := answer.Emails[1]; e.State != StateBounced || !strings.Contains(e.Advice, "no such mailbox") || e.Since.IsZero() {
		t.Errorf("bounced: shown %+v", e)
	}
	again := w.fact(anna, events.SoftphonePasswordReset{})
	if outcomes := w.awaitOutcomes(again)[again.ID].Data; outcomes.(events.EmailSkipped).Reason != ReasonRecipientFailed {
		t.Errorf("after a bounce: %+v", outcomes)
	}
}

// Nobody is silenced by a forged notification: it must name a mail that was sent.
func TestForgedBounces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	w.run(w.config())
	sent := w.awaitOutcomes(granted)[granted.ID].Data.(events.EmailSent)
	m := &mailer{ledger: ledger{log: w.log}}
	for name, id := range map[string]string{
		"another event":     strings.Replace(sent.MessageID, granted.ID, "01928c7e-0a3b-7c4d-8e5f-60718293a4b5", 1),
		"another domain":    strings.Replace(sent.MessageID, "@softphone.example", "@softphone.example.org", 1),
		"another extension": strings.Replace(sent.MessageID, ".1001@", ".1002@", 1),
		"another tenant":    strings.Replace(sent.MessageID, ".acme.", ".globex.", 1),
		"no extension":      "<" + granted.ID + "@softphone.example>",
		"a wildcard":        strings.Replace(sent.MessageID, ".1001@", ".*@", 1),
		"all":               strings.Replace(sent.MessageID, ".acme.1001@", ".>@", 1),
		"nothing":           "",
	} {
		n := bounce.Notification{MessageIDs: []string{id}, Recipients: []bounce.Recipient{{Address: "anna@example.com", Action: bounce.Failed}}}
		if err := m.bounced(t.Context(), n); err != bounce.ErrUnknownMail { //nolint:errorlint // itself
			t.Errorf("%s: %v, want that it is about no mail that was sent", name, err)
		}
	}
	if steps := w.published()[granted.ID]; len(steps) != 1 {
		t.Errorf("published %+v", steps)
	}
}

func TestBouncesOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	c := w.config()
	c.Bounces = Bounces{Listen: servertest.Address(t), Secret: process.NewSecret("0123456789abcdef")}
	stop := w.run(c)
	granted := w.grant(anna, "anna@example.com")
	sent := w.awaitOutcomes(granted)[granted.ID].Data.(events.EmailSent)
	post := func(raw []byte) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.Bounces.Listen+bounce.Path, bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer 0123456789abcdef")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	for range 2 {
		if got := post(notification(sent.MessageID, "failed", "5.1.1", "550 gone")); got != http.StatusNoContent {
			t.Errorf("status %d, want 204", got)
		}
	}
	if got := post(notification("<"+sent.MessageID[3:], "failed", "5.1.1", "550 gone")); got != http.StatusNotFound {
		t.Errorf("of an unknown mail: status %d, want 404", got)
	}
	if steps := w.published()[granted.ID]; len(steps) != 2 || steps[1].EventName() != "EmailBounced" {
		t.Errorf("published %+v", steps)
	}
	w.nats.Stop()
	if got := post(notification(sent.MessageID, "delayed", "4.1.1", "450 later")); got != http.StatusServiceUnavailable {
		t.Errorf("without the log: status %d, want 503", got)
	}
	w.nats.Start()
	stop()
}
