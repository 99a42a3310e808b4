package servertest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// SMTPScript says how an SMTP server of a test behaves. The zero value accepts
// every mail, in plain text, from anybody.
//
// Each of Mail, Rcpt and Data answers its command: nil accepts, an error made
// by [SMTPAnswer] is sent as it is. They are called from the connections'
// goroutines, and may block to play a slow server.
type SMTPScript struct {
	TLS      bool // offer STARTTLS, with the certificate of [SMTPServer.Roots]
	Implicit bool // speak TLS from the first byte (smtps)
	Stranger bool // with a certificate that [SMTPServer.Roots] does not trust

	// User and Password, when set, are demanded before MAIL. Mechanisms are
	// those offered, by default PLAIN and LOGIN.
	User, Password string
	Mechanisms     []string

	Mail func(from string) error
	Rcpt func(to string) error
	Data func(mail SMTPMail) error // answers the final dot
}

// SMTPMail is a mail a server accepted with 250.
type SMTPMail struct {
	From string
	To   []string
	Data []byte
	User string // who signed in
	TLS  bool
	Helo string
	At   time.Time
}

// SMTPAnswer is an answer of a script, such as SMTPAnswer(550, 5, 1, 1, "no such user").
func SMTPAnswer(code, class, subject, detail int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: text}
}

// SMTPServer is an SMTP server on the loopback interface whose answers a test
// scripts. Methods may be called from any goroutine.
type SMTPServer struct {
	Addr   string         // host:port, the same after Stop and Start
	Roots  *x509.CertPool // trusts its certificate, which is for 127.0.0.1 and localhost
	CAFile string         // the same as a file

	t        testing.TB
	cert     tls.Certificate
	stranger tls.Certificate

	mu      sync.Mutex
	script  SMTPScript
	stop    func() // nil while stopped
	mails   []SMTPMail
	arrived chan struct{} // closed and replaced with every mail
}

// SMTP starts an SMTP server that follows the script; it ends with the test.
func SMTP(t testing.TB, script SMTPScript) *SMTPServer {
	t.Helper()
	cert, roots := certificate(t)
	stranger, _ := certificate(t)
	s := &SMTPServer{
		Addr: Address(t), Roots: roots, CAFile: certificateFile(t, cert),
		t: t, cert: cert, stranger: stranger, script: script, arrived: make(chan struct{}),
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts a stopped server again, on the port it had.
func (s *SMTPServer) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return
	}
	listener, err := listening(func() (net.Listener, error) { return net.Listen("tcp", s.Addr) })
	if err != nil {
		s.t.Fatalf("SMTP server: %v", err)
	}
	cert := s.cert
	if s.script.Stranger {
		cert = s.stranger
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	server := smtp.NewServer(smtp.BackendFunc(s.session))
	server.Domain = "mail.test"
	server.AllowInsecureAuth = true
	server.ErrorLog = silent{}
	if s.script.TLS {
		server.TLSConfig = config
	}
	if s.script.Implicit {
		listener = tls.NewListener(listener, config)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	s.stop = func() {
		_ = server.Close()
		_ = listener.Close() // Serve may not have come to know it yet
		<-served
	}
}

// Stop closes the port and every connection. Mails received are kept.
func (s *SMTPServer) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
}

// SetScript changes the answers from the next command on. TLS, Implicit and
// Stranger change with the next Start.
func (s *SMTPServer) SetScript(script SMTPScript) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Mails are the mails accepted so far, oldest first.
func (s *SMTPServer) Mails() []SMTPMail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Wait returns the mails once there are n of them, and fails the test when
// there are not within the time.
func (s *SMTPServer) Wait(n int, within time.Duration) []SMTPMail {
	s.t.Helper()
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		mails, arrived := slices.Clone(s.mails), s.arrived
		s.mu.Unlock()
		if len(mails) >= n {
			return mails
		}
		select {
		case <-arrived:
		case <-timeout.C:
			s.t.Fatalf("SMTP server: %d mails within %v, want %d", len(mails), within, n)
		}
	}
}

func (s *SMTPServer) current() SMTPScript {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.script
}

func (s *SMTPServer) accept(mail SMTPMail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, mail)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

func (s *SMTPServer) session(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &smtpSession{server: s, mail: SMTPMail{TLS: encrypted, Helo: c.Hostname()}}, nil
}

// smtpSession is one connection's dialogue.
type smtpSession struct {
	server *SMTPServer
	mail   SMTPMail
}

var _ smtp.AuthSession = (*smtpSession)(nil)

func (s *smtpSession) AuthMechanisms() []string {
	script := s.server.current()
	if script.User == "" {
		return nil
	}
	if script.Mechanisms == nil {
		return []string{sasl.Plain, sasl.Login}
	}
	return script.Mechanisms
}

func (s *smtpSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		script := s.server.current()
		if user != script.User || password != script.Password {
			return smtp.ErrAuthFailed
		}
		s.mail.User = user
		return nil
	}
	if mechanism == sasl.Login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	script := s.server.current()
	if script.User != "" && s.mail.User == "" {
		return SMTPAnswer(530, 5, 7, 0, "Authentication required")
	}
	s.mail.From = from
	if script.Mail != nil {
		return script.Mail(from)
	}
	return nil
}

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if rcpt := s.server.current().Rcpt; rcpt != nil {
		if err := rcpt(to); err != nil {
			return err
		}
	}
	s.mail.To = append(s.mail.To, to)
	return nil
}

func (s *smtpSession) Data(r io.Reader) error {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r); err != nil {
		return err
	}
	mail := s.mail
	mail.To, mail.Data, mail.At = slices.Clone(mail.To), body.Bytes(), time.Now()
	if data := s.server.current().Data; data != nil {
		if err := data(mail); err != nil {
			return err
		}
	}
	s.server.accept(mail)
	return nil
}

func (s *smtpSession) Reset()        { s.mail.From, s.mail.To = "", nil }
func (s *smtpSession) Logout() error { return nil }

// loginServer is the server's side of AUTH LOGIN, which go-sasl left out as
// obsolete; Exchange and others still offer nothing else.
type loginServer struct {
	check func(user, password string) error
	user  *string
	asked bool
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && !l.asked:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.asked, l.user = true, &user
		return []byte("Password:"), false, nil
	case response == nil:
		return nil, false, errors.New("a password is missing")
	default:
		return nil, true, l.check(*l.user, string(response))
	}
}

// silent drops what go-smtp would log about connections a test cuts.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
