package delivery

import (
	"strings"
	"testing"
)

func TestAdvice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code     int
		enhanced string
		text     string
		final    bool
		says     string
	}{
		{550, "5.1.1", "", true, "no such mailbox. Check the address for typos"},
		{550, "", "", true, "Check the address"},
		{550, "5.1.2", "", true, "after the @"},
		{550, "5.1.10", "", true, "no such mailbox"},
		{553, "5.1.8", "", true, "MAIL_FROM"},
		{552, "5.2.2", "", true, "mailbox is full: ask"},
		{552, "5.2.2", "", false, "mailbox is full: ask the person to free space, then send the mail again. We'll retry"},
		{452, "4.2.2", "", false, "mailbox is full: ask the person to free space. We'll retry"},
		{552, "", "", true, "full"},
		{552, "5.3.4", "", true, "too large"},
		{554, "5.7.1", "", true, "rules refuse"},
		{554, "5.7.0", "", true, "rules refuse"},
		{530, "5.7.0", "", false, "sign in"},
		{450, "4.7.1", "", false, "greylisting"},
		{450, "4.7.1", "<c93fcab98fcb>: Helo command rejected: Host not found", false, "SMTP_LOCAL_NAME"},
		{550, "5.7.26", "", true, "DMARC"},
		{550, "5.7.28", "", true, "SMTP_RATE"},
		{550, "5.4.5", "Daily user sending limit exceeded.", false, "limits how much we may send"},
		{554, "5.7.1", "<a@b.example>: Relay access denied", false, "SMTP_URL"},
		{550, "5.4.6", "", true, "forwarding loop"},
		{535, "5.7.8", "", false, "sign in"},
		{535, "", "", false, "sign in"},
		{0, "", "", false, "No answer"},
		{421, "", "", false, "later. We'll retry"},
		{451, "4.9.9", "", false, "come back later"},
		{554, "5.9.9", "", true, "permanently refuses this mail"},
		{0, "5.9.9", "", true, "permanently refuses this mail"}, // a bounce says no more
		{0, "nonsense", "", false, "No answer"},
	} {
		if got := Advice(c.code, c.enhanced, c.text, c.final); !strings.Contains(got, c.says) || c.final == strings.Contains(got, "retry") {
			t.Errorf("%d %s: %q, want something with %q", c.code, c.enhanced, got, c.says)
		}
	}
}
