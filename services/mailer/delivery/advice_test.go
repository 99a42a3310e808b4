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
		says     string
	}{
		{550, "5.1.1", "check the address"},
		{550, "", "Check the address"},
		{550, "5.1.2", "after the @"},
		{550, "5.1.10", "takes no mail"},
		{553, "5.1.8", "MAIL_FROM"},
		{552, "5.2.2", "mailbox is full: ask"},
		{452, "4.2.2", "mailbox is full. It is tried again"},
		{552, "", "full"},
		{552, "5.3.4", "too large"},
		{554, "5.7.1", "rules refuse"},
		{554, "5.7.0", "rules refuse"},
		{530, "5.7.0", "sign in"},
		{450, "4.7.1", "greylisting"},
		{550, "5.7.26", "DMARC"},
		{550, "5.7.28", "SMTP_RATE"},
		{535, "5.7.8", "sign in"},
		{535, "", "sign in"},
		{0, "", "No answer"},
		{421, "", "later"},
		{451, "4.9.9", "come back later"},
		{554, "5.9.9", "refuses this mail for good"},
		{0, "nonsense", "No answer"},
	} {
		if got := Advice(c.code, c.enhanced); !strings.Contains(got, c.says) {
			t.Errorf("%d %s: %q, want something with %q", c.code, c.enhanced, got, c.says)
		}
	}
}
