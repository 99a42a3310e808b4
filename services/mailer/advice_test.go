package mailer

import (
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
)

func TestAdvice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		email events.Email
		want  string // part of it; "" for none at all
	}{
		"queued":                     {events.Email{State: StateQueued}, ""},
		"queued in an outage":        {events.Email{State: StateQueued, Reason: "connect: refused"}, "as soon as it can"},
		"retrying":                   {events.Email{State: StateRetrying, SMTPCode: 450, EnhancedCode: "4.2.2"}, "retry automatically"},
		"sent":                       {events.Email{State: StateSent, Reason: "2.0.0 Ok"}, ""},
		"sent and late":              {events.Email{State: StateSent, EnhancedCode: "4.4.1"}, "still tries"},
		"failed":                     {events.Email{State: StateFailed, SMTPCode: 550, EnhancedCode: "5.1.1"}, "no such mailbox"},
		"failed, plainly":            {events.Email{State: StateFailed, SMTPCode: 550}, "Check the address"},
		"given up":                   {events.Email{State: StateFailed, SMTPCode: 450, EnhancedCode: "4.2.2"}, "tried for days"},
		"given up without an answer": {events.Email{State: StateFailed}, "tried for days"},
		"bounced":                    {events.Email{State: StateBounced, EnhancedCode: "5.1.1"}, "no such mailbox"},
		"bounced after days":         {events.Email{State: StateBounced, EnhancedCode: "4.4.7"}, "tried for days"},
		"dead":                       {events.Email{State: StateDead, Reason: "no template"}, "dead-letters"},
		"skipped, recipient":         {events.Email{State: StateSkipped, Reason: ReasonRecipientFailed}, "Correct the address"},
		"skipped, not licensed":      {events.Email{State: StateSkipped, Reason: ReasonNotLicensed}, "Enable the app"},
		"skipped, replaced":          {events.Email{State: StateSkipped, Reason: ReasonNotCurrent}, ""},
	} {
		if got := advice(c.email); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
