package servertest

import (
	"bufio"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// PostfixConfig says what a Postfix of a test refuses. The zero value takes all mail
// for example.com and müller.example, with STARTTLS offered.
type PostfixConfig struct {
	User, Password string                                    // demanded before MAIL, after STARTTLS only
	Mechanisms     string                                    // by default PLAIN LOGIN
	Recipients     map[string]string                         // answers by address, such as "550 5.1.1 no such user"
	Policy         func(attributes map[string]string) string // asked at RCPT; the answer is an action such as DUNNO or DEFER_IF_PERMIT; nil: none
	Settings       map[string]string                         // of main.cf, besides or instead of ours
}

// PostfixServer is a Postfix of a test.
type PostfixServer struct {
	Addr    string         // host:port; STARTTLS
	Smtps   string         // host:port; TLS from the first byte
	Roots   *x509.CertPool // trusts its certificate
	CAFile  string         // the same as a file
	t       testing.TB
	server  *embedded.Postfix
	mailbox string
}

// Postfix starts one; it ends with the test. It needs root, as Postfix does.
func Postfix(t testing.TB, c PostfixConfig) *PostfixServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "postfix-") //nolint:usetesting // the test's folder is closed to Postfix's own user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := embedded.PostfixConfig{Dir: dir, Settings: settings(t, dir, c)}
	if c.User != "" {
		config.Prepare = c.password
	}
	server, err := embedded.StartPostfix(config)
	switch {
	case errors.Is(err, embedded.ErrNotRoot) && os.Getenv("CI") == "":
		t.Skip("Postfix starts as root only: run this test with sudo to see it")
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	p := &PostfixServer{
		Addr: server.SMTP, Smtps: server.SMTPS, Roots: server.Certificate.Roots, CAFile: server.CAFile,
		t: t, server: server, mailbox: server.Path("mail/inbox"),
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix said:\n%s", p.Log())
		}
	})
	return p
}

// settings are those of main.cf: all mail goes into one Maildir.
func settings(t testing.TB, dir string, c PostfixConfig) map[string]string {
	t.Helper()
	recipient := []string{"reject_unauth_destination"}
	if len(c.Recipients) > 0 {
		var entries []string
		for address, answer := range c.Recipients {
			entries = append(entries, fmt.Sprintf("{%s = %s}", address, answer))
		}
		recipient = append(recipient, "check_recipient_access inline:{"+strings.Join(entries, ", ")+"}")
	}
	if c.Policy != nil {
		recipient = append(recipient, "check_policy_service inet:"+servePolicy(t, c.Policy))
	}
	settings := map[string]string{
		"virtual_mailbox_domains": "example.com, xn--mller-kva.example, müller.example", "virtual_mailbox_maps": "static:inbox/",
		"smtpd_recipient_restrictions": strings.Join(recipient, ", "), "smtpd_tls_auth_only": "yes",
	}
	if c.User != "" {
		settings["smtpd_sasl_auth_enable"], settings["smtpd_sasl_path"] = "yes", "smtpd"
		settings["cyrus_sasl_config_path"], settings["smtpd_sasl_local_domain"] = filepath.Join(dir, "conf/sasl"), "postfix.test"
		settings["smtpd_client_restrictions"] = "permit_sasl_authenticated, reject"
	}
	maps.Copy(settings, c.Settings)
	return settings
}

// password has Cyrus SASL ask a database of its own.
func (c PostfixConfig) password(server *embedded.Postfix) error {
	config := "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: " + server.Path("conf/sasldb2") +
		"\nmech_list: " + cmp.Or(c.Mechanisms, "PLAIN LOGIN") + "\n"
	if err := server.Write("conf/sasl/smtpd.conf", config); err != nil {
		return err
	}
	add := exec.Command("/usr/sbin/saslpasswd2", "-c", "-p", "-f", server.Path("conf/sasldb2"), "-u", "postfix.test", c.User)
	add.Stdin = strings.NewReader(c.Password + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		return fmt.Errorf("saslpasswd2: %w\n%s", err, out)
	}
	return server.Own("conf/sasldb2")
}

// Restart ends it with all its connections, and starts it again.
func (p *PostfixServer) Restart() {
	p.t.Helper()
	p.Stop()
	if err := p.server.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// Stop ends it; mail already delivered stays.
func (p *PostfixServer) Stop() { p.server.Stop() }

// Log is what Postfix says of itself.
func (p *PostfixServer) Log() string { return p.server.Log() }

// Maildir is where mails are delivered. It is there before the first of them.
func (p *PostfixServer) Maildir() string {
	p.t.Helper()
	if err := p.server.Own("mail/inbox", "mail/inbox/tmp", "mail/inbox/new", "mail/inbox/cur"); err != nil {
		p.t.Fatal(err)
	}
	return p.mailbox
}

// Wait returns the mails in the Maildir once there are n, and fails the test when
// there are not within the time, or more.
func (p *PostfixServer) Wait(n int, within time.Duration) (mails [][]byte) {
	p.t.Helper()
	for end := time.Now().Add(within); ; {
		files, _ := filepath.Glob(filepath.Join(p.mailbox, "new", "*"))
		if len(files) == n {
			for _, file := range files {
				body, err := os.ReadFile(file)
				if err != nil {
					p.t.Fatal(err)
				}
				mails = append(mails, body)
			}
			return mails
		}
		if len(files) > n || time.Now().After(end) {
			p.t.Fatalf("Postfix delivered %d mails within %v, want %d\n%s", len(files), within, n, p.Log())
		}
		time.Sleep(20 * time.Millisecond) // a Maildir tells nobody
	}
}

// servePolicy speaks Postfix's policy delegation protocol and returns its address.
func servePolicy(t testing.TB, decide func(map[string]string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerPolicy(conn, decide)
		}
	}()
	return l.Addr().String()
}

func answerPolicy(conn net.Conn, decide func(map[string]string) string) {
	defer conn.Close()
	asked := map[string]string{}
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), "="); found {
			asked[name] = value
			continue
		}
		if _, err := fmt.Fprintf(conn, "action=%s\n\n", decide(asked)); err != nil { // an empty line ends a question
			return
		}
		asked = map[string]string{}
	}
}
