package mailer

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// postfixInBetween takes mails over and cannot deliver them: the server of
// far.example refuses them, and nowhere.example is not there. It tries for seconds
// what others try for days.
func postfixInBetween(t *testing.T, more map[string]string) *servertest.PostfixServer {
	t.Helper()
	far := servertest.SMTP(t, servertest.SMTPScript{
		Rcpt: func(to string) error {
			switch name, _, _ := strings.Cut(to, "@"); name {
			case "gone":
				return servertest.SMTPAnswer(550, 5, 1, 1, "<"+to+">: no such user")
			case "full":
				return servertest.SMTPAnswer(452, 4, 2, 2, "no room")
			}
			return nil
		},
		Data: func(servertest.SMTPMail) error { return servertest.SMTPAnswer(554, 5, 7, 1, "not with that content") },
	})
	_, port, err := net.SplitHostPort(far.Addr)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"relay_domains": "far.example, nowhere.example", "smtpd_reject_unlisted_recipient": "no",
		"transport_maps":     "inline:{ {far.example = smtp:[127.0.0.1]:" + port + "}, {nowhere.example = error:5.1.2 no such domain} }",
		"virtual_alias_maps": "inline:{ {boss@example.com = gone@far.example} }",
		// One try at once and one at the end: it loses sight of a mail whose last try has not quite ended.
		"queue_run_delay": "1s", "minimal_backoff_time": "7s", "maximal_backoff_time": "7s",
		"delay_warning_time": "1s", "maximal_queue_lifetime": "6s", "bounce_queue_lifetime": "6s",
	}
	maps.Copy(settings, more)
	return servertest.Postfix(t, servertest.PostfixConfig{Settings: settings})
}

// A bounce that local(8) pipes from an alias to a command of somebody's own, which
// begins with the From_ line of an mbox.
func TestBouncePipedByPostfix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	hook, aliases := servertest.Address(t), filepath.Join(t.TempDir(), "aliases")
	const secret = "0123456789abcdef0123456789abcdef"
	command := `bounces "|curl --fail --silent --retry 5 --retry-all-errors --data-binary @- --header 'Authorization: Bearer ` + secret + `' http://` + hook + `/bounces"` + "\n"
	if err := os.WriteFile(aliases, []byte(command), 0o600); err != nil {
		t.Fatal(err)
	}
	p := postfixInBetween(t, map[string]string{"mydestination": "alias.example", "alias_maps": "texthash:" + aliases, "local_recipient_maps": ""})
	c := w.config()
	c.SMTP.URL, c.SMTP.CAFile = "smtp://"+p.Addr+"?starttls=required", p.CAFile
	c.Bounces = Bounces{Address: "bounces@alias.example", Listen: hook, Secret: process.NewSecret(secret)}
	w.run(c)
	cause := w.grant(events.Extension{Tenant: "acme", Number: "1001"}, "gone@far.example")
	w.eventually("the bounce is published", func() bool {
		for _, e := range w.published()[cause.ID] {
			if b, is := e.Data.(events.EmailBounced); is {
				return b.Action == events.ActionFailed && b.EnhancedCode == "5.1.1"
			}
		}
		return false
	})
}

// What Postfix writes when it gives up a mail that it took over, or is late with
// it, is published in its words and shown with what to do.
func TestBouncesOfPostfix(t *testing.T) {
	t.Parallel()
	w, p := newWorld(t, servertest.SMTPScript{}, 0), postfixInBetween(t, nil)
	c := w.config()
	c.SMTP.URL, c.SMTP.CAFile = "smtp://"+p.Addr+"?starttls=required", p.CAFile
	c.Bounces = Bounces{Address: "bounces@example.com", Dir: p.Maildir(), Every: 5 * time.Millisecond}
	if err := c.Bounces.Validate(); err != nil {
		t.Fatal(err)
	}
	w.run(c)
	noRoom := events.EmailBounced{Action: "delayed", EnhancedCode: "4.2.2", SMTPCode: 452, Reason: "452 4.2.2 no room"}
	gaveUp := noRoom
	gaveUp.Action = "failed"
	notifications := 0
	cases := []struct {
		to     string
		want   []events.EmailBounced
		advice string
		cause  events.Recorded
	}{
		{to: "gone@far.example", advice: "no such mailbox", want: []events.EmailBounced{
			{Action: "failed", EnhancedCode: "5.1.1", SMTPCode: 550, Reason: "550 5.1.1 <g***@far.example>: no such user"},
		}},
		{to: "boss@example.com", advice: "no such mailbox", want: []events.EmailBounced{ // forwarded
			{Action: "failed", EnhancedCode: "5.1.1", SMTPCode: 550, Reason: "550 5.1.1 <g***@far.example>: no such user"},
		}},
		{to: "anna@far.example", advice: "rules", want: []events.EmailBounced{
			{Action: "failed", EnhancedCode: "5.7.1", SMTPCode: 554, Reason: "554 5.7.1 not with that content"},
		}},
		{to: "anna@nowhere.example", advice: "domain", want: []events.EmailBounced{
			{Action: "failed", EnhancedCode: "5.1.2", Reason: "no such domain"},
		}},
		{to: "änne@far.example", advice: "ASCII", want: []events.EmailBounced{ // as message/global-delivery-status
			{Action: "failed", EnhancedCode: "5.6.7", Reason: "SMTPUTF8 is required, but was not offered by host 127.0.0.1[127.0.0.1]"},
		}},
		{to: "full@far.example", advice: adviceDeadline, want: []events.EmailBounced{noRoom, gaveUp}},
	}
	for i := range cases {
		cases[i].cause = w.grant(events.Extension{Tenant: "acme", Number: strconv.Itoa(i)}, cases[i].to)
		notifications += len(cases[i].want)
	}
	w.eventually("all notifications are read", func() bool {
		read, _ := filepath.Glob(filepath.Join(p.Maildir(), "cur", "*:2,S"))
		return len(read) == notifications
	})
	published := w.published()
	for _, c := range cases {
		var bounced []events.EmailBounced
		for _, e := range published[c.cause.ID] {
			switch data := e.Data.(type) {
			case events.EmailSent:
				for i := range c.want {
					c.want[i].Kind, c.want[i].LicenseID, c.want[i].To, c.want[i].MessageID = data.Kind, data.LicenseID, data.To, data.MessageID
				}
			case events.EmailBounced:
				bounced = append(bounced, data)
			}
		}
		if diff := cmp.Diff(c.want, bounced); diff != "" {
			t.Errorf("%s: published (-want +got)\n%s", c.to, diff)
		}
		answer, _ := w.ask(`{"tenant":"acme","extension":"` + c.cause.Extension.Number + `"}`)
		if e := answer.Emails[0]; e.State != StateBounced || !strings.Contains(e.Advice, c.advice) {
			t.Errorf("%s: shown %+v", c.to, e)
		}
	}
}
