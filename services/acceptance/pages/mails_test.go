package pages

import (
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// TestMails has one mail that is put off, one that is refused and one that comes back:
// the page says so by itself, why, and what to do; so does the list.
func TestMails(t *testing.T) {
	t.Parallel()
	w := newWorldMailing(t, servertest.SMTPScript{Rcpt: func(to string) error {
		switch to {
		case "full@example.com":
			return servertest.SMTPAnswer(452, 4, 2, 2, "Mailbox is full")
		case "nobody@example.com":
			return servertest.SMTPAnswer(550, 5, 1, 1, "No such user here")
		}
		return nil
	}})
	admin := w.administrator("Alex Kim")
	open := func(number, name, address string) events.Extension {
		x, page := w.extension(number, name)
		admin.open(page)
		if _, err := w.Service.Enable(acting(t.Context(), "Alex Kim"), x, portal.Any, address, ""); err != nil {
			t.Fatal(err)
		}
		admin.reload()
		admin.sees(address)
		return x
	}
	open("5001", "Ann Lee", "full@example.com")
	admin.sees("Retrying since", "Mailbox is full", "4.2.2", "ask the person to free space", "Tried", "next attempt")
	admin.shows("extension-mail-retrying")

	open("5002", "Bob Ray", "nobody@example.com")
	admin.sees("Failed", "No such user here", "5.1.1", "There is no such mailbox")
	admin.shows("extension-mail-failed")

	x := open("5003", "Cleo Fox", "gone@example.com")
	admin.sees("Sent")
	granted, err := w.Last(x, events.License, "LicenseGranted").Decode()
	if err != nil {
		t.Fatal(err)
	}
	w.Store(workertest.Outcome(t, events.Mailer, granted.Event, granted.Sequence, events.EmailBounced{
		Kind: events.KindWelcome, To: "gone@example.com", MessageID: "<m@example.com>", Action: events.ActionFailed,
		Reason: "the mailbox was closed", EnhancedCode: "5.2.1",
	}))
	admin.sees("Came back", "The mailbox was closed (5.2.1)", "The mailbox is disabled") // without a reload
	admin.shows("extension-mail-bounced")

	admin.open(w.url + "/tenants/acme")
	admin.sees("Retrying", "Failed", "Came back")
	admin.shows("extensions-mails")
}
