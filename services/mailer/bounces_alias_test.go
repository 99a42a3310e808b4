package mailer

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/mailer/bounce"
)

// postfixWithAlias relays to far.example, which refuses everybody, and pipes what comes
// back to deploy/softphone-bounce by an alias. So local(8) runs it, as nobody.
func postfixWithAlias(t *testing.T, url, secret string) *servertest.PostfixServer {
	t.Helper()
	far := servertest.SMTP(t, servertest.SMTPScript{
		Rcpt: func(to string) error { return servertest.SMTPAnswer(550, 5, 1, 1, "<"+to+">: no such user") },
	})
	_, port, err := net.SplitHostPort(far.Addr)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "alias-") //nolint:usetesting // the test's folder is closed to nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	script, err := os.ReadFile("../../deploy/softphone-bounce")
	if err != nil {
		t.Fatal(err)
	}
	command := filepath.Join(dir, "softphone-bounce")
	for file, content := range map[string]string{
		command: string(script), filepath.Join(dir, "token"): secret + "\n",
		filepath.Join(dir, "aliases"): fmt.Sprintf("bounces \"|%s %s %s\"\n", command, filepath.Join(dir, "token"), url),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return servertest.Postfix(t, servertest.PostfixConfig{Settings: map[string]string{
		"relay_domains": "far.example", "smtpd_reject_unlisted_recipient": "no",
		"transport_maps": "inline:{ {far.example = smtp:[127.0.0.1]:" + port + "} }",
		"mydestination":  "postfix.test", "alias_maps": "texthash:" + filepath.Join(dir, "aliases"),
		"queue_run_delay": "1s", "minimal_backoff_time": "1s", "maximal_backoff_time": "1s",
	}})
}

// A bounce that Postfix pipes to the mailer by an alias is on record. One that comes
// while the mailer cannot be reached stays in Postfix's queue until it can.
func TestBouncesPipedFromAnAlias(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef"
	listen := servertest.Address(t)
	w, p := newWorld(t, servertest.SMTPScript{}, 0), postfixWithAlias(t, "http://"+listen+bounce.Path, secret)
	c := w.config()
	c.SMTP.URL, c.SMTP.CAFile = "smtp://"+p.Addr+"?starttls=required", p.CAFile
	c.Bounces = Bounces{Address: "bounces@postfix.test"} // nobody listens yet
	stop := w.run(c)
	granted := w.grant(anna, "gone@far.example")
	w.awaitOutcomes(granted)
	w.eventually("Postfix keeps it", func() bool { return strings.Contains(p.Log(), "status=deferred (temporary failure") })
	stop()
	c.Bounces.Listen, c.Bounces.Secret = listen, process.NewSecret(secret)
	w.run(c)
	var bounced []events.EmailBounced
	w.eventually("it is on record", func() bool {
		for _, e := range w.published()[granted.ID] {
			if data, is := e.Data.(events.EmailBounced); is {
				bounced = append(bounced, data)
			}
		}
		return len(bounced) > 0
	})
	if b := bounced[0]; b.EnhancedCode != "5.1.1" || b.SMTPCode != 550 || b.Action != "failed" {
		t.Errorf("published %+v", b)
	}
	w.eventually("Postfix is done with it", func() bool { return strings.Contains(p.Log(), "status=sent (delivered to command") })
	if strings.Contains(p.Log(), "status=bounced (Command died") || strings.Contains(p.Log(), "status=bounced (data format") {
		t.Errorf("Postfix gave one up:\n%s", p.Log())
	}
}
