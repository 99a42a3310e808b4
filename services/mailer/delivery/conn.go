package delivery

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

// Timeouts bound each stage; a whole transaction may take their sum.
type Timeouts struct {
	Connect time.Duration // TCP, and the handshake of smtps
	Command time.Duration // each command, and the banner
	Body    time.Duration // writing the mail
	Dot     time.Duration // the answer to the final dot
}

// DefaultTimeouts are those of RFC 5321 §4.5.3.2. The last one is long for a reason: a server that is still thinking
// may well accept the mail, and a client that does not wait for that sends it twice.
func DefaultTimeouts() Timeouts {
	return Timeouts{Connect: 30 * time.Second, Command: 5 * time.Minute, Body: 3 * time.Minute, Dot: 10 * time.Minute}
}

// dialer opens connections to one server.
type dialer struct {
	Server
	timeouts  Timeouts
	localName string
	roots     *x509.CertPool
	sessions  tls.ClientSessionCache // so that the next handshake is a short one
}

// conn is a connection: one mail at a time, many after each other.
type conn struct {
	*dialer
	raw    *bounded // the TCP connection: deadlines, bounds and closing act below TLS
	client *smtp.Client
	body   *bufio.Writer // onto the client's
	stage  Stage

	mails   int  // handed over so far
	used    bool // this is not its first mail
	unclean bool // a transaction was begun and not ended
	broken  bool // what the server sends next is unknown
	since   time.Time
	expiry  *time.Timer // while idle
	gone    atomic.Bool
}

// open connects, encrypts and signs in. The error is a [*Failure].
func (d *dialer) open(ctx context.Context) (*conn, error) {
	c := &conn{dialer: d}
	if err := c.open(ctx); err != nil {
		c.kill()
		return nil, failed(c.stage, err)
	}
	return c, nil
}

func (c *conn) open(ctx context.Context) error {
	tcp := net.Dialer{Timeout: c.timeouts.Connect}
	dialed, err := tcp.DialContext(ctx, "tcp", c.Addr())
	if err != nil {
		return err
	}
	c.raw = &bounded{Conn: dialed}
	var raw net.Conn = c.raw
	defer c.endWith(ctx)()
	if c.Encryption == Implicit {
		if raw, err = c.handshake(ctx); err != nil {
			return err
		}
	}
	for _, step := range []struct {
		stage Stage
		do    func() error
	}{
		{stageBanner, func() error { c.client, err = smtp.NewClient(raw, c.Host); return err }},
		{stageEHLO, func() error { return c.client.Hello(c.name()) }},
		{stageSTARTTLS, c.encrypt},
		{stageAUTH, c.authenticate},
	} {
		if err := c.enter(step.stage, c.timeouts.Command); err != nil {
			return err
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

// endWith closes the connection at once when the context ends, in any stage, until the returned function is called.
func (c *conn) endWith(ctx context.Context) (release func()) {
	stop := context.AfterFunc(ctx, c.kill)
	return func() { stop() }
}

// kill closes the connection, also while it is in use. It may be called again.
func (c *conn) kill() {
	if c.raw != nil && !c.gone.Swap(true) {
		_ = c.raw.Close()
	}
}

// enter sets the deadline of a stage, and bounds what is read in it.
func (c *conn) enter(stage Stage, timeout time.Duration) error {
	c.stage, c.raw.left = stage, maxAnswer
	return c.raw.SetDeadline(time.Now().Add(timeout))
}

// bounded is a connection with a limit on what is read from it.
type bounded struct {
	net.Conn
	left int // bytes
}

// maxAnswer is in bytes, and much more than any answer or TLS handshake has.
const maxAnswer = 512 << 10

var errEndless = errors.New("the server's answer does not end")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errEndless
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (c *conn) handshake(ctx context.Context) (net.Conn, error) {
	if err := c.enter(stageTLS, c.timeouts.Connect); err != nil {
		return nil, err
	}
	encrypted := tls.Client(c.raw, c.tlsConfig())
	return encrypted, encrypted.HandshakeContext(ctx)
}

var errNoSTARTTLS = errors.New("the server does not offer STARTTLS, and sending in plain text is not allowed: " +
	"use smtps, or allow it with ?starttls=opportunistic")

func (c *conn) encrypt() error {
	offered, _ := c.client.Extension("STARTTLS")
	switch c.Encryption {
	case Required:
		if !offered {
			return errNoSTARTTLS
		}
	case Opportunistic:
		if !offered {
			return nil
		}
	case Implicit, Never:
		return nil
	default:
		return fmt.Errorf("encryption %q is unknown", c.Encryption)
	}
	return c.client.StartTLS(c.tlsConfig())
}

func (c *conn) tlsConfig() *tls.Config {
	return &tls.Config{
		ServerName:           c.Host,
		RootCAs:              c.roots,
		MinVersion:           tls.VersionTLS12,
		ClientSessionCache:   c.sessions,
		GetClientCertificate: c.Certificate.show(),
		InsecureSkipVerify:   c.Encryption == Opportunistic, //nolint:gosec // see there

		DynamicRecordSizingDisabled: true, // a server needs the whole mail
	}
}

func (c *conn) authenticate() error {
	if c.User == "" {
		return nil
	}
	if !c.trusted() {
		return errUntrusted
	}
	secret, err := c.Secret()
	if err != nil {
		return err
	}
	return c.client.Auth(&login{user: c.User, secret: secret, mechanism: c.Mechanism, trusted: true})
}

// trusted reports whether a password may be sent: to this machine, or encrypted to a server whose certificate was
// verified.
func (c *conn) trusted() bool {
	_, encrypted := c.client.TLSConnectionState()
	return c.Loopback() || encrypted && c.Encryption != Opportunistic
}

// quit sends QUIT and closes. It waits a second for the answer, which says nothing about any mail.
func (c *conn) quit() {
	if !c.broken && !c.gone.Load() && c.raw.SetDeadline(time.Now().Add(time.Second)) == nil {
		_ = c.client.Quit()
	}
	c.kill()
}

// domainName is what EHLO may carry as a name: a fully qualified one.
var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// name is this host's name, or its address as a literal if it has no full one (RFC 5321 §4.1.4).
func (c *conn) name() string {
	if c.localName != "" {
		return c.localName
	}
	if name, err := os.Hostname(); err == nil && domainName.MatchString(name) {
		return name
	}
	host, _, _ := net.SplitHostPort(c.raw.LocalAddr().String())
	host, _, _ = strings.Cut(host, "%") // no zone
	if strings.Contains(host, ":") {
		return "[IPv6:" + host + "]"
	}
	return "[" + host + "]"
}
