package servertest

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
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

// PostfixServer is Debian's Postfix as an instance of its own: its processes, queue
// and configuration have nothing to do with the machine's mail.
type PostfixServer struct {
	Addr    string         // host:port; STARTTLS
	Smtps   string         // host:port; TLS from the first byte
	Roots   *x509.CertPool // trusts its certificate
	CAFile  string         // the same as a file
	t       testing.TB
	dir     string
	mailbox string
}

// postfix is not on everybody's PATH.
const postfix = "/usr/sbin/postfix"

// Postfix starts one; it ends with the test. It needs root, as Postfix does.
func Postfix(t testing.TB, c PostfixConfig) *PostfixServer {
	t.Helper()
	if _, err := os.Stat(postfix); err != nil {
		t.Fatal("the tests need Postfix: run scripts/deps.sh, or sudo apt-get install postfix libsasl2-modules sasl2-bin")
	}
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("Postfix starts as root only: run the tests as root")
		}
		t.Skip("Postfix starts as root only: run this test with sudo to see it")
	}
	dir, err := os.MkdirTemp("", "postfix-") //nolint:usetesting // the test's folder is closed to Postfix's own user
	if err != nil {
		t.Fatal(err)
	}
	p := &PostfixServer{t: t, dir: dir, mailbox: filepath.Join(dir, "mail", "inbox")}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p.Addr, p.Smtps = freePort(t), freePort(t)
	p.certify()
	p.configure(c)
	p.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix said:\n%s", p.Log())
		}
	})
	return p
}

// freePort is one nobody listens on just now.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (p *PostfixServer) path(name string) string { return filepath.Join(p.dir, name) }

func (p *PostfixServer) write(name, body string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(body), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *PostfixServer) certify() {
	cert, roots := certificate(p.t)
	p.Roots, p.CAFile = roots, p.path("conf/cert.pem")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("conf/cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	p.write("conf/key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

// configure writes main.cf and master.cf: all mail goes into one Maildir.
func (p *PostfixServer) configure(c PostfixConfig) {
	owner := p.owned("queue", "data", "mail")
	recipient := []string{"reject_unauth_destination"}
	if len(c.Recipients) > 0 {
		var entries []string
		for address, answer := range c.Recipients {
			entries = append(entries, fmt.Sprintf("{%s = %s}", address, answer))
		}
		recipient = append(recipient, "check_recipient_access inline:{"+strings.Join(entries, ", ")+"}")
	}
	if c.Policy != nil {
		recipient = append(recipient, "check_policy_service inet:"+servePolicy(p.t, c.Policy))
	}
	settings := map[string]string{
		"compatibility_level": "3.6", "queue_directory": p.path("queue"), "data_directory": p.path("data"),
		"maillog_file": p.path("log"), "maillog_file_prefixes": p.dir,
		"inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "myhostname": "postfix.test", "mydestination": "",
		"mynetworks": "", "virtual_mailbox_domains": "example.com, xn--mller-kva.example, müller.example", "virtual_mailbox_maps": "static:inbox/",
		"virtual_mailbox_base": p.path("mail"), "virtual_minimum_uid": "1", "virtual_uid_maps": "static:" + owner.Uid, "virtual_gid_maps": "static:" + owner.Gid,
		"smtpd_relay_restrictions": "", "smtpd_recipient_restrictions": strings.Join(recipient, ", "),
		"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": p.path("conf/cert.pem"), "smtpd_tls_key_file": p.path("conf/key.pem"),
		"smtpd_tls_auth_only": "yes", "smtpd_error_sleep_time": "0", "alias_maps": "", "alias_database": "",
		"smtp_connection_cache_on_demand": "no", // on a connection used again it forgets what the server offers
	}
	if c.User != "" {
		p.password(c, settings)
	}
	maps.Copy(settings, c.Settings)
	var main strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&main, "%s = %s\n", name, value)
	}
	p.write("conf/main.cf", main.String())
	p.write("conf/master.cf", fmt.Sprintf(master, p.Addr, p.Smtps))
}

// master is Debian's master.cf without what a test does not use, and without chroot.
//
//nolint:dupword // columns
const master = `%s inet n - n - - smtpd
%s inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
smtp      unix  - - n - - smtp
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
`

// owned makes folders for Postfix's own user, whom it returns.
func (p *PostfixServer) owned(folders ...string) *user.User {
	p.t.Helper()
	owner, err := user.Lookup("postfix")
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	for _, folder := range folders {
		if err := os.MkdirAll(p.path(folder), 0o755); err != nil {
			p.t.Fatal(err)
		}
		if folder != "queue" { // which is root's
			p.give(folder, owner)
		}
	}
	return owner
}

func (p *PostfixServer) give(name string, to *user.User) {
	p.t.Helper()
	uid, _ := strconv.Atoi(to.Uid)
	gid, _ := strconv.Atoi(to.Gid)
	if err := os.Chown(p.path(name), uid, gid); err != nil {
		p.t.Fatal(err)
	}
}

// password has Cyrus SASL ask a database of its own.
func (p *PostfixServer) password(c PostfixConfig, settings map[string]string) {
	p.t.Helper()
	if c.Mechanisms == "" {
		c.Mechanisms = "PLAIN LOGIN"
	}
	p.write("conf/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: "+p.path("conf/sasldb2")+"\nmech_list: "+c.Mechanisms+"\n")
	add := exec.Command("/usr/sbin/saslpasswd2", "-c", "-p", "-f", p.path("conf/sasldb2"), "-u", "postfix.test", c.User)
	add.Stdin = strings.NewReader(c.Password + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		p.t.Fatalf("saslpasswd2: %v\n%s", err, out)
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		p.t.Fatal(err)
	}
	p.give("conf/sasldb2", owner)
	settings["smtpd_sasl_auth_enable"], settings["smtpd_sasl_path"] = "yes", "smtpd"
	settings["cyrus_sasl_config_path"], settings["smtpd_sasl_local_domain"] = p.path("conf/sasl"), "postfix.test"
	settings["smtpd_client_restrictions"] = "permit_sasl_authenticated, reject"
}

func (p *PostfixServer) start() {
	p.t.Helper()
	if out, err := p.postfix("start"); err != nil {
		p.t.Fatalf("postfix: %v\n%s%s", err, out, p.Log())
	}
	p.t.Cleanup(p.Stop)
	for end := time.Now().Add(60 * time.Second); ; {
		conn, err := net.Dial("tcp", p.Addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("Postfix does not answer: %v\n%s", err, p.Log())
		}
		time.Sleep(20 * time.Millisecond) // nothing tells that it listens
	}
}

// Restart ends it with all its connections, and starts it again.
func (p *PostfixServer) Restart() {
	p.t.Helper()
	p.Stop()
	p.start()
}

// Stop ends it; mail already delivered stays.
func (p *PostfixServer) Stop() { _, _ = p.postfix("stop") }

func (p *PostfixServer) postfix(command string) (string, error) {
	cmd := exec.Command(postfix, "-c", p.path("conf"), command)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Log is what Postfix says of itself.
func (p *PostfixServer) Log() string {
	body, err := os.ReadFile(p.path("log"))
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// Maildir is where mails are delivered. It is there before the first of them.
func (p *PostfixServer) Maildir() string {
	p.t.Helper()
	p.owned("mail/inbox", "mail/inbox/tmp", "mail/inbox/new", "mail/inbox/cur")
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
