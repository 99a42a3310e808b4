package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Timeouts bound each stage; a whole transaction may take their sum.
type Timeouts struct {
	Connect time.Duration // TCP, and the handshake of smtps
	Command time.Duration // each command, and the banner
	Body    time.Duration // writing the mail
	Dot     time.Duration // the answer to the final dot
}

// DefaultTimeouts are those of RFC 5321 §4.5.3.2. The last one is long for a
// reason: a server that is still thinking may well accept the mail, and whoever
// does not wait for that sends it twice.
func DefaultTimeouts() Timeouts {
	return Timeouts{Connect: 30 * time.Second, Command: 5 * time.Minute, Body: 3 * time.Minute, Dot: 10 * time.Minute}
}

// Config of a [Client].
type Config struct {
	Relay     Relay
	LocalName string         // for EHLO; empty: this host's name, or its address when it has no proper one
	Roots     *x509.CertPool // whom to trust; nil: whom the system trusts
	Timeouts  Timeouts
}

// Client hands mails to a relay, each on a connection of its own. It is safe for
// concurrent use.
type Client struct{ Config }

// New checks the configuration.
func New(c Config) (*Client, error) {
	if c.LocalName != "" && !domainName.MatchString(c.LocalName) {
		return nil, fmt.Errorf("SMTP_LOCAL_NAME: %q is not a full host name such as mailer.example.com", c.LocalName)
	}
	return &Client{c}, nil
}

// Close ends what is still open.
func (c *Client) Close() {}

// Receipt is the word of the server that took a mail.
type Receipt struct {
	Server  string // host:port
	Code    int    // 250
	Text    string // the server's words, one line
	QueueID string // under which the server knows the mail; may be empty
}

// Envelope is a rendered mail and where it goes.
type Envelope struct {
	From, To string // bare addresses
	Bytes    []byte
}

// Send returns no error exactly when the relay took responsibility for the mail:
// its final dot was answered with 250. What happens to the connection after
// that is of no interest. Every other end is a [*Failure], or the context's
// error. When the context ends the connection is closed at once, in whatever
// stage it is; a mail in [stageDot] may have been accepted nevertheless.
func (c *Client) Send(ctx context.Context, mail Envelope) (Receipt, error) {
	if err := mail.check(); err != nil {
		return Receipt{}, &Failure{Stage: stageRCPT, Verdict: Final, Err: err}
	}
	s := &session{Client: c, mail: mail}
	err := s.run(ctx)
	if err == nil {
		return Receipt{Server: c.Relay.Addr(), Code: 250}, nil
	}
	if ctx.Err() != nil {
		return Receipt{}, fmt.Errorf("canceled in %s: %w", s.stage, context.Cause(ctx))
	}
	failure := failed(s.stage, err)
	failure.Server = c.Relay.Addr()
	return Receipt{}, failure
}

// check refuses what must never reach a command line of the protocol.
func (e Envelope) check() error {
	for _, address := range []string{e.From, e.To} {
		if err := checkAddress(address); err != nil {
			return err
		}
	}
	return nil
}

// session is one connection: one mail.
type session struct {
	*Client
	mail   Envelope
	stage  Stage
	conn   net.Conn // the TCP connection: deadlines and closing act below TLS
	client *smtp.Client
}

func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, step := range []struct {
		stage   Stage
		timeout time.Duration
		do      func() error
	}{
		{stageBanner, s.Timeouts.Command, func() error { return s.greet(conn) }},
		{stageEHLO, s.Timeouts.Command, func() error { return s.client.Hello(s.localName()) }},
		{stageSTARTTLS, s.Timeouts.Command, s.encrypt},
		{stageAUTH, s.Timeouts.Command, s.authenticate},
		{stageMAIL, s.Timeouts.Command, func() error { return s.client.Mail(s.mail.From) }},
		{stageRCPT, s.Timeouts.Command, func() error { return s.client.Rcpt(s.mail.To) }},
		{stageDATA, s.Timeouts.Command, s.data},
	} {
		if err := s.enter(step.stage, step.timeout); err != nil {
			return err
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	s.quit()
	return nil
}

// enter sets the deadline of a stage.
func (s *session) enter(stage Stage, timeout time.Duration) error {
	s.stage = stage
	return s.conn.SetDeadline(time.Now().Add(timeout))
}

// connect dials, and sees to it that the connection ends with the context.
func (s *session) connect(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: s.Timeouts.Connect}
	conn, err := dialer.DialContext(ctx, "tcp", s.Relay.Addr())
	if err != nil {
		return nil, err
	}
	s.conn = conn
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	if s.Relay.Encryption != Implicit {
		return conn, nil
	}
	if err := s.enter(stageTLS, s.Timeouts.Connect); err != nil {
		return nil, err
	}
	encrypted := tls.Client(conn, s.tlsConfig())
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return encrypted, nil
}

func (s *session) greet(conn net.Conn) (err error) {
	s.client, err = smtp.NewClient(conn, s.Relay.Host)
	return err
}

var errNoSTARTTLS = errors.New("the server does not offer STARTTLS, and sending in plain text is not allowed: " +
	"use smtps, or allow it with ?starttls=opportunistic")

func (s *session) encrypt() error {
	offered, _ := s.client.Extension("STARTTLS")
	switch s.Relay.Encryption {
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
		return fmt.Errorf("encryption %q is unknown", s.Relay.Encryption)
	}
	return s.client.StartTLS(s.tlsConfig())
}

func (s *session) tlsConfig() *tls.Config {
	return &tls.Config{
		ServerName:         s.Relay.Host,
		RootCAs:            s.Roots,
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: s.Relay.Encryption == Opportunistic, //nolint:gosec // see there
	}
}

func (s *session) authenticate() error {
	if s.Relay.User == "" {
		return nil
	}
	return s.client.Auth(&login{user: s.Relay.User, password: s.Relay.Password, trusted: s.trusted()})
}

// trusted says whether a password may be sent: to this machine, or encrypted
// to a server whose certificate was checked.
func (s *session) trusted() bool {
	_, encrypted := s.client.TLSConnectionState()
	return s.Relay.Loopback() || encrypted && s.Relay.Encryption != Opportunistic
}

// data sends the mail and waits for the answer to its final dot.
func (s *session) data() error {
	w, err := s.client.Data()
	if err != nil {
		return err
	}
	if err := s.enter(stageBody, s.Timeouts.Body); err != nil {
		return err
	}
	if _, err := w.Write(s.mail.Bytes); err != nil {
		return err
	}
	if err := s.enter(stageDot, s.Timeouts.Dot); err != nil {
		return err
	}
	return w.Close()
}

// quit is a courtesy: the mail is accepted, whatever comes of it. The answer is
// not waited for: until the caller knows, a crash would send the mail again.
func (s *session) quit() {
	_ = s.conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = s.client.Text.Cmd("QUIT")
}

// domainName is what EHLO may carry as a name: a fully qualified one.
var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// localName is this host's name, or as RFC 5321 §4.1.4 has it for a host
// without a proper one, its address as a literal.
func (s *session) localName() string {
	if s.LocalName != "" {
		return s.LocalName
	}
	if name, err := os.Hostname(); err == nil && domainName.MatchString(name) {
		return name
	}
	host, _, _ := net.SplitHostPort(s.conn.LocalAddr().String())
	host, _, _ = strings.Cut(host, "%") // no zone
	if strings.Contains(host, ":") {
		return "[IPv6:" + host + "]"
	}
	return "[" + host + "]"
}

// login is AUTH PLAIN, or LOGIN where that is all a server offers.
type login struct {
	user, password string
	trusted        bool
	answered       int // challenges of LOGIN
}

var (
	errNoAUTH    = errors.New("the server offers neither AUTH PLAIN nor AUTH LOGIN, but SMTP_URL names a user")
	errUntrusted = errors.New("the connection is not encrypted: the password is not sent")
	errChallenge = errors.New("the server asks for more than a user name and a password")
)

func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	offers := func(name string) bool {
		return slices.ContainsFunc(server.Auth, func(m string) bool { return strings.EqualFold(m, name) })
	}
	switch {
	case !l.trusted:
		return "", nil, errUntrusted
	case offers("PLAIN"):
		l.answered = 2
		return "PLAIN", []byte("\x00" + l.user + "\x00" + l.password), nil
	case offers("LOGIN"):
		return "LOGIN", nil, nil
	default:
		return "", nil, errNoAUTH
	}
}

func (l *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.answered++
	switch l.answered {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	default:
		return nil, errChallenge
	}
}
