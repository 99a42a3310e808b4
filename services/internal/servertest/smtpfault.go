package servertest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// SMTPStage is a point of the SMTP dialogue at which [SMTPFault] goes wrong.
type SMTPStage string

// The stages, in the order of the dialogue.
const (
	AtBanner   SMTPStage = "banner"
	AtEHLO     SMTPStage = "EHLO"
	AtSTARTTLS SMTPStage = "STARTTLS"
	AtTLS      SMTPStage = "TLS" // the handshake, after "220 go ahead"
	AtAUTH     SMTPStage = "AUTH"
	AtMAIL     SMTPStage = "MAIL"
	AtRCPT     SMTPStage = "RCPT"
	AtDATA     SMTPStage = "DATA"
	AtDot      SMTPStage = "dot" // the mail is in, its answer is due
	AtQUIT     SMTPStage = "QUIT"
)

// SMTPFault says where a server fails and how: it sends Reply if there is one,
// and then hangs until the client goes away, or drops the connection. With
// neither it goes on: Reply alone is an answer such as "451 4.3.0 later".
type SMTPFault struct {
	At    SMTPStage
	Reply string
	Hang  bool
	Drop  bool
}

// FaultySMTP is a raw TCP fake of an SMTP server for what a proper one never
// does: hanging at any stage, or dropping the connection there.
type FaultySMTP struct {
	Addr    string
	Roots   *x509.CertPool
	Reached chan struct{} // receives whenever the fault's stage is reached

	fault    SMTPFault
	config   *tls.Config
	accepted atomic.Int64
	dropped  atomic.Int64
}

// BrokenSMTP starts a server that offers STARTTLS and AUTH PLAIN, accepts
// everything, and fails as told. It ends with the test.
func BrokenSMTP(t testing.TB, fault SMTPFault) *FaultySMTP {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cert, roots := certificate(t)
	f := &FaultySMTP{
		Addr: listener.Addr().String(), Roots: roots, Reached: make(chan struct{}, 1024),
		fault: fault, config: &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	var (
		mu    sync.Mutex
		conns []net.Conn
		wait  sync.WaitGroup
	)
	wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			wait.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		mu.Unlock()
		wait.Wait()
	})
	return f
}

// Accepted counts the mails whose final dot was answered with a 2xx.
func (f *FaultySMTP) Accepted() int { return int(f.accepted.Load()) }

// Gone counts the connections that have ended, by either side.
func (f *FaultySMTP) Gone() int { return int(f.dropped.Load()) }

func (f *FaultySMTP) serve(conn net.Conn) {
	defer f.dropped.Add(1)
	defer conn.Close()
	d := &faultDialogue{FaultySMTP: f, conn: conn, in: bufio.NewReader(conn)}
	if !d.answer(AtBanner, "220 mail.test ESMTP") {
		return
	}
	for {
		line, err := d.in.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		if !d.command(verb) {
			return
		}
	}
}

// faultDialogue is one connection to a FaultySMTP.
type faultDialogue struct {
	*FaultySMTP
	conn net.Conn
	in   *bufio.Reader
}

// command answers one command and says whether the dialogue goes on.
func (d *faultDialogue) command(verb string) bool {
	switch verb {
	case "EHLO", "HELO":
		offer := "250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN"
		if _, encrypted := d.conn.(*tls.Conn); encrypted {
			offer = "250-mail.test\r\n250 AUTH PLAIN"
		}
		return d.answer(AtEHLO, offer)
	case "STARTTLS":
		return d.answer(AtSTARTTLS, "220 go ahead") && d.encrypt()
	case "AUTH":
		return d.answer(AtAUTH, "235 2.7.0 welcome")
	case "MAIL":
		return d.answer(AtMAIL, "250 2.1.0 ok")
	case "RCPT":
		return d.answer(AtRCPT, "250 2.1.5 ok")
	case "DATA":
		return d.answer(AtDATA, "354 go ahead") && (d.refuses(AtDATA) || d.body())
	case "QUIT":
		d.answer(AtQUIT, "221 bye")
		return false
	case "RSET", "NOOP":
		return d.say("250 ok")
	default:
		return d.say("502 5.5.1 not here")
	}
}

// refuses says whether the fault's answer at a stage was a refusal.
func (d *faultDialogue) refuses(stage SMTPStage) bool {
	return d.fault.At == stage && d.fault.Reply != "" && d.fault.Reply[0] >= '4'
}

// accepts says whether the final dot is answered with a 2xx.
func (d *faultDialogue) accepts() bool {
	return d.fault.At != AtDot || d.fault.Reply != "" && d.fault.Reply[0] == '2'
}

// body reads up to the final dot and answers it.
func (d *faultDialogue) body() bool {
	for {
		line, err := d.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
	}
	if d.accepts() {
		d.accepted.Add(1)
	}
	return d.answer(AtDot, "250 2.0.0 queued")
}

// encrypt does the server's side of the handshake.
func (d *faultDialogue) encrypt() bool {
	if d.fault.At == AtTLS && !d.answer(AtTLS, "") {
		return false
	}
	conn := tls.Server(d.conn, d.config)
	if err := conn.Handshake(); err != nil {
		return false
	}
	d.conn, d.in = conn, bufio.NewReader(conn)
	return true
}

// answer sends the usual reply, or fails in the way of the fault.
func (d *faultDialogue) answer(stage SMTPStage, usual string) bool {
	if d.fault.At != stage {
		return d.say(usual)
	}
	select {
	case d.Reached <- struct{}{}:
	default:
	}
	if d.fault.Reply != "" && !d.say(d.fault.Reply) {
		return false
	}
	if d.fault.Hang {
		_, _ = io.Copy(io.Discard, d.in) // until the client goes away, or the test ends
		return false
	}
	return !d.fault.Drop
}

func (d *faultDialogue) say(reply string) bool {
	_, err := fmt.Fprintf(d.conn, "%s\r\n", reply)
	return err == nil
}
