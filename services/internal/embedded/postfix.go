package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/selfsigned"
)

// PostfixConfig says how to run a Postfix.
type PostfixConfig struct {
	Prepare  func(*Postfix) error // makes what else it needs, before it is started; may be nil
	Dir      string               // for all it needs and makes; its own user must be able to enter it
	Settings map[string]string    // of main.cf, besides or instead of ours, which take no mail for anybody. Mailboxes are in Dir's folder mail
}

// Postfix is Debian's Postfix as an instance of its own on the loopback interface: its
// processes, queue and configuration have nothing to do with the machine's mail.
type Postfix struct {
	SMTP        string // host:port; STARTTLS
	SMTPS       string // host:port; TLS from the first byte
	Certificate selfsigned.Certificate
	CAFile      string // of the certificate

	dir     string
	owner   *user.User // Postfix's own
	process *child.Process
	starts  int
	close   sync.Once
}

const (
	postfix = "/usr/sbin/postfix" // not on everybody's PATH

	// postfixMaster is what "postfix start" starts and lives without. Started by us it cannot outlive us.
	postfixMaster = "/usr/lib/postfix/sbin/master"
)

// StartPostfix returns when the server answers. The error is [ErrNoPostfix] where none
// is installed, and [ErrNotRoot] for who is not root, as whom alone Postfix starts.
func StartPostfix(c PostfixConfig) (p *Postfix, err error) {
	for range portTries {
		p = &Postfix{dir: c.Dir}
		if err = p.configure(c); err == nil && c.Prepare != nil {
			err = c.Prepare(p)
		}
		if err == nil {
			err = p.Start()
		}
		if !errors.Is(err, errEnded) { // else somebody else has a port since
			break
		}
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("postfix: %w", err)
	}
	return p, nil
}

// portTries is how often a server begins anew whose port, which was free, was taken.
const portTries = 3

var errEnded = errors.New("ended at its start")

func (p *Postfix) configure(c PostfixConfig) (err error) {
	if _, err := os.Stat(postfix); err != nil {
		return fmt.Errorf("%w: install it (Debian: apt-get install postfix libsasl2-modules sasl2-bin)", ErrNoPostfix)
	}
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	if p.owner, err = user.Lookup("postfix"); err != nil {
		return err
	}
	for _, address := range []*string{&p.SMTP, &p.SMTPS} {
		if *address, err = FreeAddress(); err != nil {
			return err
		}
	}
	if err := errors.Join(p.folder("queue"), os.Chmod(p.dir, 0o755), p.Own("data", "mail")); err != nil { //nolint:gosec // as below
		return err
	}
	if p.Certificate, err = selfsigned.New(); err != nil {
		return err
	}
	p.CAFile = p.Path("conf/cert.pem")
	return errors.Join(
		p.Write("conf/cert.pem", string(p.Certificate.PEM)), p.Write("conf/key.pem", string(p.Certificate.SecretPEM)),
		p.Write("conf/main.cf", p.main(c.Settings)), p.Write("conf/master.cf", fmt.Sprintf(master, p.SMTP, p.SMTPS)),
	)
}

// main is main.cf.
func (p *Postfix) main(besides map[string]string) string {
	settings := map[string]string{
		"compatibility_level": "3.6", "queue_directory": p.Path("queue"), "data_directory": p.Path("data"),
		"maillog_file": p.Path("log"), "maillog_file_prefixes": p.dir,
		"inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "myhostname": "postfix.test", "mydestination": "", "mynetworks": "",
		"smtpd_relay_restrictions": "", "smtpd_recipient_restrictions": "reject_unauth_destination", "smtpd_error_sleep_time": "0",
		"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": p.Path("conf/cert.pem"), "smtpd_tls_key_file": p.Path("conf/key.pem"),
		"smtp_connection_cache_on_demand": "no", // on a connection used again it forgets what the server offers
		"alias_maps":                      "", "alias_database": "", "virtual_mailbox_base": p.Path("mail"), "virtual_minimum_uid": "1",
		"virtual_uid_maps": "static:" + p.owner.Uid, "virtual_gid_maps": "static:" + p.owner.Gid,
	}
	maps.Copy(settings, besides)
	var body strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&body, "%s = %s\n", name, settings[name])
	}
	return body.String()
}

// master is Debian's master.cf without what is not used here, and without chroot.
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

// Path is that of a file of this instance.
func (p *Postfix) Path(name string) string { return filepath.Join(p.dir, name) }

// Write writes a file of this instance. Postfix reads its configuration when it starts.
func (p *Postfix) Write(name, body string) error {
	if err := p.folder(filepath.Dir(name)); err != nil {
		return err
	}
	return os.WriteFile(p.Path(name), []byte(body), 0o644) //nolint:gosec // others read it, who are not root
}

func (p *Postfix) folder(name string) error {
	return os.MkdirAll(p.Path(name), 0o755) //nolint:gosec // as above
}

// Own makes folders, where there is nothing yet, and gives them to Postfix's own user.
func (p *Postfix) Own(names ...string) error {
	uid, _ := strconv.Atoi(p.owner.Uid) // a number on every system that has Postfix
	gid, _ := strconv.Atoi(p.owner.Gid)
	for _, name := range names {
		if _, err := os.Stat(p.Path(name)); errors.Is(err, os.ErrNotExist) {
			if err := p.folder(name); err != nil {
				return err
			}
		}
		if err := os.Chown(p.Path(name), uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// Start starts it, again after Stop: with the same addresses.
func (p *Postfix) Start() (err error) {
	if out, err := exec.Command(postfix, "-c", p.Path("conf"), "check").CombinedOutput(); err != nil { // makes its folders
		return fmt.Errorf("%w: %s", err, out)
	}
	cmd := exec.Command(postfixMaster, "-c", p.Path("conf"), "-s")
	cmd.SysProcAttr = &syscall.SysProcAttr{} // it makes itself the leader of a session, which no leader of a group can
	if p.process, err = child.Start(cmd); err != nil {
		return err
	}
	p.starts++
	for end := time.Now().Add(startLimit); ; {
		err := errEnded
		if strings.Count(p.Log(), "daemon started") >= p.starts { // else it may be somebody else who answers
			if err = p.reach(); err == nil {
				return nil
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("does not answer after %s: %w\n%s", startLimit, err, p.Log())
		}
		select {
		case <-p.process.Done():
			return fmt.Errorf("%w:\n%s", errEnded, p.Log())
		case <-time.After(20 * time.Millisecond): // nothing tells that it listens
		}
	}
}

// Stop ends it with all its connections. Its mail stays.
func (p *Postfix) Stop() {
	if p.process == nil {
		return
	}
	_ = p.process.Signal(syscall.SIGTERM)
	select {
	case <-p.process.Done():
	case <-time.After(stopLimit):
		_ = p.process.Signal(syscall.SIGKILL)
		<-p.process.Done()
	}
	for end := time.Now().Add(stopLimit); time.Now().Before(end) && p.reach() == nil; { // by its processes, which end by themselves
		time.Sleep(10 * time.Millisecond)
	}
}

// reach tells whether one can connect.
func (p *Postfix) reach() error {
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.SMTP)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Close is Stop for good. It may be called more than once.
func (p *Postfix) Close() { p.close.Do(p.Stop) }

// Log is what Postfix says of itself.
func (p *Postfix) Log() string {
	body, err := os.ReadFile(p.Path("log"))
	if err != nil {
		return err.Error()
	}
	return string(body)
}
