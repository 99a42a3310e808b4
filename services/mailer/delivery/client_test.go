package delivery

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

const (
	testUser     = "relay-user"
	testPassword = "relay secret"
)

// testConfig is of a client that sends one mail.
type testConfig struct{ Config }

// transport to a server of the test, which is on the loopback interface.
func transport(addr string, encryption Encryption) *testConfig {
	host, port, _ := net.SplitHostPort(addr)
	return &testConfig{Config{
		Servers:   []Server{{Host: host, Port: port, Encryption: encryption}},
		LocalName: "mailer.acme.example",
		Timeouts:  DefaultTimeouts(),
	}}
}

func (c *testConfig) signIn() {
	c.Servers[0].User, c.Servers[0].Secret = testUser, Known(testPassword)
}

func (c *testConfig) Send(ctx context.Context, mail Envelope) (Receipt, error) {
	client, err := New(c.Config)
	if err != nil {
		return Receipt{}, err
	}
	defer client.Close()
	return client.Send(ctx, mail)
}

// welcome is a mail with what a transport may trip over: a line of its own dot,
// eight-bit text.
const welcome = "Date: Sun, 01 Mar 2026 09:30:00 +0000\r\nFrom: noreply@acme.example\r\nTo: anna@example.com\r\n" +
	"Subject: Your softphone is ready\r\nMessage-Id: <1@mail.acme.example>\r\n\r\nHello Änne,\r\n.\r\n..two\r\n"

func envelope(t *testing.T) Envelope {
	t.Helper()
	return Envelope{From: "noreply@acme.example", To: "anna@example.com", Bytes: []byte(welcome)}
}

func TestSend(t *testing.T) {
	t.Parallel()
	plain := servertest.SMTPScript{}
	offers := servertest.SMTPScript{TLS: true}
	login := servertest.SMTPScript{TLS: true, User: testUser, Password: testPassword}
	old := login
	old.Mechanisms = []string{"LOGIN"}
	implicit := login
	implicit.Implicit, implicit.TLS = true, false
	for _, c := range []struct {
		name       string
		script     servertest.SMTPScript
		encryption Encryption
		user       bool
		wantTLS    bool
	}{
		{"plain text to this machine", plain, Opportunistic, false, false},
		{"STARTTLS when offered, whoever signed the certificate", offers, Opportunistic, false, true},
		{"STARTTLS required", offers, Required, false, true},
		{"STARTTLS never", offers, Never, false, false},
		{"AUTH PLAIN after STARTTLS", login, Required, true, true},
		{"AUTH LOGIN where there is nothing else", old, Required, true, true},
		{"smtps", implicit, Implicit, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := servertest.SMTP(t, c.script)
			tr := transport(server.Addr, c.encryption)
			if c.encryption != Opportunistic {
				tr.Roots = server.Roots
			}
			if c.user {
				tr.signIn()
			}
			sent := envelope(t)
			if _, err := tr.Send(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			mails := server.Mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails, want 1", len(mails))
			}
			got := mails[0]
			if got.From != sent.From || len(got.To) != 1 || got.To[0] != sent.To || got.TLS != c.wantTLS ||
				got.Helo != "mailer.acme.example" || (got.User == testUser) != c.user {
				t.Errorf("envelope %+v", got)
			}
			if !bytes.Equal(got.Data, sent.Bytes) {
				t.Errorf("the mail changed on its way:\n%q\n%q", got.Data, sent.Bytes)
			}
		})
	}
}

// The server's answer at each stage, and what becomes of the mail.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at       servertest.SMTPStage
		reply    string
		verdict  Verdict
		code     int
		enhanced string
	}{
		{servertest.AtBanner, "421 4.3.2 not now", Unavailable, 421, "4.3.2"},
		{servertest.AtBanner, "554 5.3.2 go away", Unavailable, 554, "5.3.2"},
		{servertest.AtBanner, "welcome, stranger", Unavailable, 0, ""},
		{servertest.AtEHLO, "421 4.3.2 not now", Unavailable, 421, "4.3.2"},
		{servertest.AtEHLO, "550 5.7.1 who?", Unavailable, 550, "5.7.1"},
		{servertest.AtSTARTTLS, "454 4.7.0 no TLS now", Unavailable, 454, "4.7.0"},
		{servertest.AtSTARTTLS, "501 5.5.4 no", Unavailable, 501, "5.5.4"},
		{servertest.AtAUTH, "454 4.7.0 later", Unavailable, 454, "4.7.0"},
		{servertest.AtAUTH, "535 5.7.8 wrong password", Unavailable, 535, "5.7.8"},
		{servertest.AtMAIL, "451 4.3.0 later", Temporary, 451, "4.3.0"},
		{servertest.AtMAIL, "553 5.1.8 sender unknown", Unavailable, 553, "5.1.8"},
		{servertest.AtMAIL, "450 4.7.1 grey-listed", Temporary, 450, "4.7.1"},
		{servertest.AtMAIL, "421 4.3.0 closing", Unavailable, 421, "4.3.0"},
		{servertest.AtMAIL, "452 4.3.1 disk full", Unavailable, 452, "4.3.1"},
		{servertest.AtMAIL, "450 4.3.2 not now", Unavailable, 450, "4.3.2"},
		{servertest.AtMAIL, "530 5.7.0 log in first", Unavailable, 530, "5.7.0"},
		{servertest.AtRCPT, "450 4.2.0 grey-listed", Temporary, 450, "4.2.0"},
		{servertest.AtRCPT, "452 too many", Temporary, 452, ""},
		{servertest.AtRCPT, "550 5.1.1 no such user", Final, 550, "5.1.1"},
		{servertest.AtRCPT, "550-5.1.1 no such\r\n550 5.1.1 user", Final, 550, "5.1.1"},
		{servertest.AtRCPT, "554 5.7.1 policy", Final, 554, "5.7.1"},
		{servertest.AtRCPT, "530 5.7.0 must issue STARTTLS first", Unavailable, 530, "5.7.0"},
		{servertest.AtRCPT, "553 5.1.8 sender domain not found", Unavailable, 553, "5.1.8"},
		{servertest.AtRCPT, "554 5.7.1 <a[192.0.2.1]>: Client host rejected: Access denied", Unavailable, 554, "5.7.1"},
		{servertest.AtRCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example", Unavailable, 554, "5.7.1"},
		{servertest.AtRCPT, "nonsense", Temporary, 0, ""},
		{servertest.AtDATA, "451 4.3.0 later", Temporary, 451, "4.3.0"},
		{servertest.AtDATA, "554 5.5.1 no valid recipients", Final, 554, "5.5.1"},
		{servertest.AtDot, "452 4.3.1 disk full", Temporary, 452, "4.3.1"},
		{servertest.AtDot, "552 5.3.4 too large", Final, 552, "5.3.4"},
		{servertest.AtDot, "554 5.6.0 refused", Final, 554, "5.6.0"},
		{servertest.AtDot, "554 5.7.0 Reject, id=01234-01 - spam", Final, 554, "5.7.0"}, // amavis
		{servertest.AtDot, "552 5.7.0 blocked for its content", Final, 552, "5.7.0"},
		{servertest.AtDot, "530 5.7.0 log in first", Unavailable, 530, "5.7.0"},
	} {
		t.Run(string(c.at)+" "+c.reply, func(t *testing.T) {
			t.Parallel()
			server := servertest.BrokenSMTP(t, servertest.SMTPFault{At: c.at, Reply: c.reply})
			f := failure(t)(toFaulty(server).Send(t.Context(), envelope(t)))
			if f.Verdict != c.verdict || f.Code != c.code || f.Enhanced != c.enhanced {
				t.Errorf("%s %d %q (%v), want %s %d %q", f.Verdict, f.Code, f.Enhanced, f, c.verdict, c.code, c.enhanced)
			}
			if server.Accepted() != 0 {
				t.Error("the mail was accepted")
			}
			if strings.ContainsAny(f.Error(), "\r\n") || strings.Contains(f.Error(), testPassword) {
				t.Errorf("error %q", f)
			}
		})
	}
}

// The same from a proper server, whose answers carry the codes.
func TestScriptedAnswers(t *testing.T) {
	t.Parallel()
	temporary := servertest.SMTPAnswer(451, 4, 3, 0, "later")
	final := servertest.SMTPAnswer(550, 5, 1, 1, "no")
	for name, c := range map[string]struct {
		script  servertest.SMTPScript
		verdict Verdict
	}{
		"MAIL 4xx": {servertest.SMTPScript{Mail: func(string) error { return temporary }}, Temporary},
		"MAIL 5xx": {servertest.SMTPScript{Mail: func(string) error { return final }}, Unavailable},
		"RCPT 4xx": {servertest.SMTPScript{Rcpt: func(string) error { return temporary }}, Temporary},
		"RCPT 5xx": {servertest.SMTPScript{Rcpt: func(string) error { return final }}, Final},
		"dot 4xx":  {servertest.SMTPScript{Data: func(servertest.SMTPMail) error { return temporary }}, Temporary},
		"dot 5xx":  {servertest.SMTPScript{Data: func(servertest.SMTPMail) error { return final }}, Final},
		"AUTH 5xx": {servertest.SMTPScript{TLS: true, User: testUser, Password: "another"}, Unavailable},
		"no AUTH":  {servertest.SMTPScript{TLS: true}, Unavailable},
		"CRAM-MD5": {servertest.SMTPScript{TLS: true, User: testUser, Mechanisms: []string{"CRAM-MD5"}}, Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servertest.SMTP(t, c.script)
			tr := transport(server.Addr, Opportunistic)
			if c.script.TLS {
				tr.signIn()
			}
			if f := failure(t)(tr.Send(t.Context(), envelope(t))); f.Verdict != c.verdict {
				t.Errorf("%s (%v), want %s", f.Verdict, f, c.verdict)
			}
			if len(server.Mails()) != 0 {
				t.Error("the mail was accepted")
			}
		})
	}
}

func TestHangIsCanceled(t *testing.T) {
	t.Parallel()
	for _, at := range []servertest.SMTPStage{
		servertest.AtBanner, servertest.AtEHLO, servertest.AtSTARTTLS, servertest.AtTLS, servertest.AtAUTH,
		servertest.AtMAIL, servertest.AtRCPT, servertest.AtDATA, servertest.AtDot,
	} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			server := servertest.BrokenSMTP(t, servertest.SMTPFault{At: at, Hang: true})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { <-server.Reached; cancel() }()
			_, err := toFaulty(server).Send(ctx, envelope(t)) // which no timeout ends in less than minutes
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want canceled", err)
			}
		})
	}
}

func TestHangTimesOut(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	for _, c := range []struct {
		at      servertest.SMTPStage
		set     func(*Timeouts)
		verdict Verdict
	}{
		{servertest.AtBanner, func(l *Timeouts) { l.Command = short }, Unavailable},
		{servertest.AtDATA, func(l *Timeouts) { l.Command = short }, Temporary},
		{servertest.AtDot, func(l *Timeouts) { l.Dot = short }, Temporary},
	} {
		t.Run(string(c.at), func(t *testing.T) {
			t.Parallel()
			tr := transport(servertest.BrokenSMTP(t, servertest.SMTPFault{At: c.at, Hang: true}).Addr, Never)
			if c.set(&tr.Timeouts); c.at == servertest.AtDATA {
				tr.Timeouts.Command = 3 * time.Second // which those before it need as well
			}
			f := failure(t)(tr.Send(t.Context(), envelope(t)))
			var timeout net.Error
			if f.Verdict != c.verdict || !errors.As(f, &timeout) || !timeout.Timeout() {
				t.Errorf("%s (%v), want %s for a timeout", f.Verdict, f, c.verdict)
			}
		})
	}
}

func TestSmtpsHandshakeHangIsCanceled(t *testing.T) {
	t.Parallel()
	server := servertest.BrokenSMTP(t, servertest.SMTPFault{At: servertest.AtBanner, Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { <-server.Reached; cancel() }()
	if _, err := transport(server.Addr, Implicit).Send(ctx, envelope(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestDropped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at      servertest.SMTPStage
		verdict Verdict
	}{
		{servertest.AtBanner, Unavailable},
		{servertest.AtEHLO, Unavailable},
		{servertest.AtSTARTTLS, Unavailable},
		{servertest.AtTLS, Unavailable},
		{servertest.AtAUTH, Unavailable},
		{servertest.AtMAIL, Unavailable},
		{servertest.AtRCPT, Temporary},
		{servertest.AtDATA, Temporary},
		{servertest.AtDot, Temporary},
	} {
		t.Run(string(c.at), func(t *testing.T) {
			t.Parallel()
			server := servertest.BrokenSMTP(t, servertest.SMTPFault{At: c.at, Drop: true, Reply: map[bool]string{true: "220 go"}[c.at == servertest.AtTLS]})
			if f := failure(t)(toFaulty(server).Send(t.Context(), envelope(t))); f.Verdict != c.verdict {
				t.Errorf("%s (%v), want %s", f.Verdict, f, c.verdict)
			}
		})
	}
}

// The server took the mail and hung up, or hangs: either way it has the mail.
func TestAcceptedThenGone(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]servertest.SMTPFault{
		"dropped after 250":     {At: servertest.AtDot, Reply: "250 2.0.0 queued", Drop: true},
		"hangs after 250":       {At: servertest.AtDot, Reply: "250 2.0.0 queued", Hang: true},
		"hangs at QUIT":         {At: servertest.AtQUIT, Hang: true},
		"refuses QUIT":          {At: servertest.AtQUIT, Reply: "500 5.5.1 what?"},
		"drops at QUIT quickly": {At: servertest.AtQUIT, Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servertest.BrokenSMTP(t, fault)
			if _, err := toFaulty(server).Send(t.Context(), envelope(t)); err != nil {
				t.Fatalf("accepted, but told as failed: %v", err)
			}
			if server.Accepted() != 1 {
				t.Errorf("%d mails accepted, want 1", server.Accepted())
			}
		})
	}
}

func TestNothingWithoutEncryption(t *testing.T) {
	t.Parallel()
	server := servertest.SMTP(t, servertest.SMTPScript{}) // offers no STARTTLS
	f := failure(t)(transport(server.Addr, Required).Send(t.Context(), envelope(t)))
	if f.Verdict != Unavailable || !errors.Is(f, errNoSTARTTLS) {
		t.Errorf("%s (%v)", f.Verdict, f)
	}
	if len(server.Mails()) != 0 {
		t.Error("sent in plain text")
	}
}

func TestCertificateIsChecked(t *testing.T) {
	t.Parallel()
	for _, encryption := range []Encryption{Required, Implicit} {
		server := servertest.SMTP(t, servertest.SMTPScript{TLS: true, Implicit: encryption == Implicit})
		f := failure(t)(transport(server.Addr, encryption).Send(t.Context(), envelope(t)))
		if f.Verdict != Unavailable || len(server.Mails()) != 0 {
			t.Errorf("%s: %s (%v)", encryption, f.Verdict, f)
		}
	}
}

func TestPasswordNeedsEncryption(t *testing.T) {
	t.Parallel()
	if _, _, err := (&login{user: "u", secret: "p", trusted: false}).Start(nil); !errors.Is(err, errUntrusted) {
		t.Errorf("error %v, want errUntrusted", err)
	}
}

// An answer without an end, in one line or in many, is no answer: whoever is in
// between could fill the memory with it before the connection is encrypted.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]string{"one line": "220-go away", "many lines": "220-go away\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			hungUp := make(chan bool, 1)
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				chunk := []byte(strings.Repeat(piece, 4096))
				for range 1024 { // some 50 MB
					if _, err = conn.Write(chunk); err != nil {
						break
					}
				}
				hungUp <- err != nil
			}()
			f := failure(t)(transport(listener.Addr().String(), Required).Send(t.Context(), envelope(t)))
			if f.Verdict != Unavailable || len(f.Error()) > 1000 {
				t.Errorf("%s (%.1000v)", f.Verdict, f)
			}
			if !<-hungUp {
				t.Error("all of it was read")
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	server := servertest.SMTP(t, servertest.SMTPScript{})
	server.Stop()
	tr := transport(server.Addr, Opportunistic)
	if f := failure(t)(tr.Send(t.Context(), envelope(t))); f.Verdict != Unavailable || f.Stage != stageConnect {
		t.Errorf("%s at %s (%v)", f.Verdict, f.Stage, f)
	}
	server.Start()
	if _, err := tr.Send(t.Context(), envelope(t)); err != nil {
		t.Errorf("back again, but: %v", err)
	}
}

func TestEnvelopeIsChecked(t *testing.T) {
	t.Parallel()
	server := servertest.SMTP(t, servertest.SMTPScript{})
	for _, bad := range []string{"a@b.example>\r\nRCPT TO:<evil@example.com", "a@b.example\n", "a@b.example\x00", "", "a@b.example> SIZE=1"} {
		for _, set := range []func(*Envelope){func(e *Envelope) { e.To = bad }, func(e *Envelope) { e.From = bad }} {
			e := envelope(t)
			set(&e)
			if f := failure(t)(transport(server.Addr, Opportunistic).Send(t.Context(), e)); f.Verdict != Final {
				t.Errorf("%q: %s (%v)", bad, f.Verdict, f)
			} else if advice := Advice(f.Code, f.Enhanced, f.Error(), f.Verdict == Final); e.To == bad && !strings.Contains(advice, "Check the address") {
				t.Errorf("%q: advice %q", bad, advice)
			}
		}
	}
	if len(server.Mails()) != 0 {
		t.Error("sent")
	}
}

// toFaulty speaks STARTTLS and AUTH, so that every stage is reached.
func toFaulty(server *servertest.FaultySMTP) *testConfig {
	tr := transport(server.Addr, Required)
	tr.Roots = server.Roots
	tr.signIn()
	return tr
}

func failure(t *testing.T) func(Receipt, error) *Failure {
	t.Helper()
	return func(_ Receipt, err error) *Failure {
		t.Helper()
		var f *Failure
		if !errors.As(err, &f) {
			t.Fatalf("error %v, want a *Failure", err)
		}
		return f
	}
}
