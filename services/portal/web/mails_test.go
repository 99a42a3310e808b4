package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/portal"
)

// What became of an e-mail is said in plain words, with what to do.
func TestMails(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	next := asked.Add(3 * time.Hour)
	for name, c := range map[string]struct {
		mail portal.Email
		says []string
		not  string
	}{
		"queued":  {portal.Email{State: "queued"}, []string{"Queued 9 Mar, 09:00"}, "Tried"},
		"waiting": {portal.Email{State: "queued", Reason: "no answer", Advice: "It is sent as soon as it can be."}, []string{"Waiting since 9 Mar, 08:00", "No answer.", "It is sent as soon as it can be."}, ".."},
		"retrying": {
			portal.Email{State: "retrying", Reason: "mailbox is full", EnhancedCode: "4.2.2", SMTPCode: 452, Advice: "Ask its owner to make room.", Attempts: 3, Next: &next},
			[]string{"Retrying since 9 Mar, 08:00", "Mailbox is full (4.2.2).", "Ask its owner to make room.", "Tried 3 times, next attempt 9 Mar, 11:00"}, "452",
		},
		"sent": {portal.Email{State: "sent", Reason: "2.0.0 Ok: queued as 4X"}, []string{"Sent 9 Mar, 09:00"}, "4X"},
		"late": {portal.Email{State: "sent", Reason: "host is away", EnhancedCode: "4.4.1", Advice: "Nothing to do yet."}, []string{"Sent 9 Mar", "Host is away (4.4.1).", "Nothing to do yet."}, "Came back"},
		"failed": {
			portal.Email{State: "failed", Reason: "550 5.1.1 no such user", SMTPCode: 550, EnhancedCode: "5.1.1", Advice: "Check the address."},
			[]string{"Failed 9 Mar", "550 5.1.1 no such user.", "Check the address."}, "(5.1.1)",
		},
		"failed, our address": {
			portal.Email{State: "failed", Reason: "550 5.1.1 no such user", Advice: "Check the address.", CorrectAddress: true},
			[]string{"Failed 9 Mar", "Check the address. Correct the address"}, "Sent",
		},
		"bounced":          {portal.Email{State: "bounced", Reason: "no such user", EnhancedCode: "5.1.1", Advice: "Check the address."}, []string{"Came back 9 Mar", "No such user (5.1.1).", "Check the address."}, "Sent"},
		"dead":             {portal.Email{State: "dead", Reason: "no template", Advice: "Tell operations."}, []string{"Failed 9 Mar", "No template.", "Tell operations."}, "Queued"},
		"skipped":          {portal.Email{State: "skipped", Reason: "license_not_current"}, []string{"Not sent 9 Mar", "The license was no longer in force."}, "license_not_current"},
		"skipped, address": {portal.Email{State: "skipped", Reason: "recipient_failed", Advice: "Correct the address."}, []string{"An earlier mail to this address failed for good.", "Correct the address."}, "recipient_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.mail.Kind, c.mail.Since, c.mail.At = "welcome", asked, asked.Add(time.Hour)
			p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: true, Granted: true, Email: "ann@example.com", Limit: 4, Welcome: &c.mail})
			b := p.signedIn(alex)
			page := text(b.get(receptionURL).body)
			for _, want := range c.says {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not say %q:\n%s", want, page)
				}
			}
			if strings.Contains(page, c.not) {
				t.Errorf("the page says %q", c.not)
			}
			if word := strings.Fields(c.says[0])[0]; word != "An" && !strings.Contains(text(b.get("/tenants/acme").body), word) {
				t.Errorf("the list does not say %q", word)
			}
		})
	}
}

// "Send again" too often says so on the page, and when it may be clicked again.
func TestSendAgainTooOften(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: true, Granted: true, Email: "r@example.com", Limit: 4})
	b := p.signedIn(alex)
	p.core.fail = &portal.TooMany{Of: portal.OfEmails, RetryAfter: 4 * time.Minute}
	a := b.post(receptionURL+"/welcome-email", b.form(receptionURL))
	a.wants(t, http.StatusTooManyRequests, "Nothing was sent", "Too many welcome e-mails: try again in 4 minutes.")
	if wait := a.Header.Get("Retry-After"); wait != "240" {
		t.Errorf("Retry-After: %s", wait)
	}
}
