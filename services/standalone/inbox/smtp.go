package inbox

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMessage    = 10 << 20
	maxRecipients = 100
	smtpTimeout   = time.Minute
)

// Catcher is an SMTP server that puts every mail into a mailbox.
type Catcher struct {
	server   *smtp.Server
	listener net.Listener
	done     chan struct{}
}

// Catch takes mail from everyone, for everyone, without TLS and login.
func Catch(l net.Listener, box *Mailbox) *Catcher {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: box}, nil }))
	s.Domain = "localhost"
	s.MaxMessageBytes = maxMessage
	s.MaxRecipients = maxRecipients
	s.ReadTimeout, s.WriteTimeout = smtpTimeout, smtpTimeout
	s.EnableSMTPUTF8 = true
	s.ErrorLog = silent{} // what a client does wrong it is told itself
	c := &Catcher{server: s, listener: l, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		_ = s.Serve(l) // ends when closed
	}()
	return c
}

// Close ends it, and the sessions under way.
func (c *Catcher) Close() {
	_ = c.server.Close()
	_ = c.listener.Close() // the server does not know it yet when it is closed right after its start
	<-c.done
}

type session struct {
	box      *Mailbox
	envelope Envelope
}

func (s *session) Reset() { s.envelope = Envelope{} }

func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.envelope = Envelope{From: from}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.envelope.To = append(s.envelope.To, to)
	return nil
}

// Data answers 250 only when the mail is kept.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.envelope.Received = time.Now().UTC()
	if err := s.box.Add(s.envelope, raw); err != nil {
		return errors.Join(&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "cannot keep it now"}, err)
	}
	return nil
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}
