package mailer

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// The far side goes away and comes back: everything is sent, once.
func TestRelayAwayAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.relay.Stop()
	c := w.config()
	w.run(c)
	var causes []events.Recorded
	for i := range 40 {
		x := events.Extension{Tenant: "acme", Number: strconv.Itoa(2000 + i)}
		causes = append(causes, w.grant(x, "user"+x.Number+"@example.com"))
	}
	w.eventually("readiness says why", func() bool {
		part := c.Host.Health.Report().Parts[events.Mailer]
		return part.Status == "not ready" && strings.Contains(part.Reason, "refused")
	})
	var waiting events.EmailsAnswer
	w.eventually("what it waits for is shown", func() bool {
		waiting, _ = w.ask(`{"tenant":"acme","extension":"2000"}`)
		return len(waiting.Emails) == 1 && strings.HasPrefix(waiting.Emails[0].Reason, "connect:")
	})
	if e := waiting.Emails[0]; e.State != StateQueued || e.Attempts != 0 || e.Advice != adviceOutage || e.To != "user2000@example.com" || e.MessageID == "" {
		t.Errorf("shown %+v", e)
	}
	w.relay.Start()
	outcomes := w.awaitOutcomes(causes...)
	if len(w.relay.Mails()) != len(causes) {
		t.Errorf("%d mails, want %d", len(w.relay.Mails()), len(causes))
	}
	for _, cause := range causes {
		if _, sent := outcomes[cause.ID].Data.(events.EmailSent); !sent {
			t.Errorf("%+v", outcomes[cause.ID].Data)
		}
	}
	w.eventually("readiness is back", func() bool { return c.Host.Health.Report().Status == "ok" })
	w.blamed(causes...)
}

// blamed fails the test when the log has more of a cause than its mail was sent, or
// an outage was published more than once.
func (w *world) blamed(causes ...events.Recorded) {
	w.t.Helper()
	published := w.published()
	for _, cause := range causes {
		if steps := published[cause.ID]; len(steps) != 1 || steps[0].EventName() != "EmailSent" {
			w.t.Errorf("published of %s: %+v, want EmailSent alone", cause.ID, steps)
		}
	}
	w.eventually("the end of the pause is logged", func() bool { return strings.Contains(w.lines.String(), "working again") })
	for _, line := range []string{"work is paused", "working again"} {
		if n := strings.Count(w.lines.String(), line); n != 1 {
			w.t.Errorf("%d lines say %q, want 1", n, line)
		}
	}
}

// A relay that refuses us, in every way there is: sending pauses, readiness says
// why, no mail is to blame, and when the relay is put right all goes out by itself.
func TestRelayRefusesUs(t *testing.T) {
	t.Parallel()
	answer := func(code, class, subject, detail int) func(string) error {
		return func(string) error { return servertest.SMTPAnswer(code, class, subject, detail, "not you") }
	}
	login := func(user, password string) servertest.SMTPScript {
		return servertest.SMTPScript{User: user, Password: password}
	}
	for name, c := range map[string]struct {
		script servertest.SMTPScript
		query  string // of SMTP_URL
		user   string
		reason string                // the beginning of what readiness says
		right  servertest.SMTPScript // put right
	}{
		"sender refused":           {script: servertest.SMTPScript{Mail: answer(550, 5, 7, 1)}, reason: "MAIL: 550"},
		"sender's domain unknown":  {script: servertest.SMTPScript{Mail: answer(553, 5, 1, 8)}, reason: "MAIL: 553"},
		"quota used up":            {script: servertest.SMTPScript{Mail: answer(552, 5, 2, 2)}, reason: "MAIL: 552"},
		"authentication wanted":    {script: login("else", "x"), reason: "MAIL: 530"},
		"said at the recipient":    {script: servertest.SMTPScript{Rcpt: answer(530, 5, 7, 0)}, reason: "RCPT: 530"},
		"encryption wanted":        {script: servertest.SMTPScript{Rcpt: answer(523, 5, 7, 10)}, reason: "RCPT: 523"},
		"bad sender, at recipient": {script: servertest.SMTPScript{Rcpt: answer(550, 5, 1, 7)}, reason: "RCPT: 550"},
		"password wrong":           {script: login("mailer", "other"), user: "mailer", reason: "AUTH: 535", right: login("mailer", "right")},
		"no way to sign in":        {user: "mailer", reason: "AUTH: the server offers no way", right: login("mailer", "right")},
		"no STARTTLS":              {query: "?starttls=required", reason: "STARTTLS: the server does not offer", right: servertest.SMTPScript{TLS: true}},
		"a stranger's certificate": {script: servertest.SMTPScript{TLS: true, Stranger: true}, query: "?starttls=required", reason: "STARTTLS: tls: failed to verify certificate", right: servertest.SMTPScript{TLS: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.script, 0)
			config := w.config()
			config.SMTP.URL, config.SMTP.CAFile = config.SMTP.URL+c.query, w.relay.CAFile
			if c.user != "" {
				config.SMTP.URL = strings.Replace(config.SMTP.URL, "://", "://"+c.user+"@", 1)
				config.SMTP.Password = process.NewSecret("right")
			}
			w.run(config)
			causes := []events.Recorded{w.grant(anna, "anna@example.com")}
			w.eventually("readiness says why", func() bool {
				part := config.Host.Health.Report().Parts[events.Mailer]
				return part.Status == "not ready" && strings.HasPrefix(part.Reason, c.reason)
			})
			causes = append(causes, w.grant(events.Extension{Tenant: "acme", Number: "1002"}, "bob@example.com"))
			w.relay.Stop()
			w.relay.SetScript(c.right)
			w.relay.Start()
			w.awaitOutcomes(causes...)
			w.eventually("readiness is back", func() bool { return config.Host.Health.Report().Status == "ok" })
			w.blamed(causes...)
			for _, mail := range w.relay.Mails() {
				if mail.TLS != c.right.TLS {
					t.Errorf("sent encrypted: %t, want %t", mail.TLS, c.right.TLS)
				}
			}
		})
	}
}

// From the relay's 250 on only the outcome is tried again.
func TestLogAwayAfterTheMail(t *testing.T) {
	t.Parallel()
	var w *world
	stopped := make(chan struct{})
	w = newWorld(t, servertest.SMTPScript{Data: func(servertest.SMTPMail) error {
		w.nats.Stop() // between DATA and 250
		close(stopped)
		return nil
	}}, 0)
	granted := w.grant(anna, "anna@example.com")
	c := w.config()
	c.AckWait = 2 * time.Second
	w.run(c)
	<-stopped
	w.eventually("the outcome fails", func() bool { return strings.Contains(w.lines.String(), "not stored yet") })
	w.nats.Start()
	w.eventually("the log answers", func() bool { _, err := w.log.State(t.Context()); return err == nil })
	w.awaitOutcomes(granted)
	if n := len(w.relay.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}
