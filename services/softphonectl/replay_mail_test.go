package softphonectl_test

import (
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// An e-mail that failed once more is not said to be sent, and can be tried again.
func TestMailThatFailsAgain(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.relay.SetScript(servertest.SMTPScript{Rcpt: func(string) error {
		return servertest.SMTPAnswer(550, 5, 7, 1, "blocked by a filter")
	}})
	l.start()
	l.enable(ann)
	outcomes := func(n int) {
		t.Helper()
		l.Eventually("the outcome of an e-mail", func() bool { return len(l.Messages(events.Stream, "log.*.mailer.>")) == n })
	}
	l.want(softphonectl.Done, "replay", "mail", "--yes")
	outcomes(2)
	for range 2 {
		r := l.want(softphonectl.Done, "replay", "mail", "--yes")
		if !strings.HasPrefix(r.out, "failed-again acme/1001") || !strings.Contains(r.err, "--round 2") {
			t.Errorf("of one that failed again it says %s%s", r.out, r.err)
		}
	}
	l.relay.SetScript(servertest.SMTPScript{})
	l.want(softphonectl.Done, "replay", "mail", "--round", "2", "--yes")
	outcomes(3)
	if r := l.want(softphonectl.Done, "replay", "mail", "--round", "2"); !strings.HasPrefix(r.out, "sent-again") {
		t.Errorf("of one that was sent it says %s%s", r.out, r.err)
	}
	if n := len(l.relay.Mails()); n != 1 {
		t.Errorf("%d e-mails were sent, want 1", n)
	}
}
