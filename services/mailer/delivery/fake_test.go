package delivery

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is an SMTP server that keeps what each connection said, and answers as the
// test wants.
type fake struct {
	addr     string
	greeting string      // the answer to EHLO
	tls      *tls.Config // nil: plain text; else TLS from the first byte

	mu      sync.Mutex
	answer  func(connection int, line string) string // "": as usual; "drop": hangs up
	said    [][]string                               // by connection, the mail itself left out
	mails   int
	ended   int
	changed chan struct{}
}

const drop = "drop"

// answers a line that begins so, on every connection; the others as usual.
func answers(beginning, reply string) func(int, string) string {
	return func(_ int, line string) string {
		if strings.HasPrefix(line, beginning) {
			return reply
		}
		return ""
	}
}

// newFake offers what is listed besides what every server does.
func newFake(t *testing.T, offers string, answer func(connection int, line string) string, setup ...func(*fake)) *fake {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{addr: listener.Addr().String(), answer: answer, changed: make(chan struct{}), greeting: "250-fake.test\r\n"}
	for offer := range strings.FieldsSeq(offers) {
		f.greeting += "250-" + offer + "\r\n"
	}
	f.greeting += "250 HELP"
	for _, change := range setup {
		change(f)
	}
	var serving sync.WaitGroup
	var conns []net.Conn
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if f.tls != nil {
				conn = tls.Server(conn, f.tls)
			}
			f.mu.Lock()
			number := len(f.said)
			f.said = append(f.said, nil)
			conns = append(conns, conn)
			f.mu.Unlock()
			serving.Go(func() { f.serve(conn, number) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		f.mu.Lock()
		for _, conn := range conns {
			_ = conn.Close()
		}
		f.mu.Unlock()
		serving.Wait()
	})
	return f
}

func (f *fake) serve(conn net.Conn, number int) {
	defer func() { f.note(func() { f.ended++ }) }()
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string) bool {
		_, err := io.WriteString(conn, text+"\r\n")
		return err == nil
	}
	if reply := f.reply(number, "connect", "220 fake.test"); reply == drop || !say(reply) {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		f.note(func() { f.said[number] = append(f.said[number], line) })
		usual := "250 2.0.0 Ok"
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "EHLO":
			usual = f.greeting
		case "DATA":
			usual = "354 go ahead"
		case "QUIT":
			say(f.reply(number, line, "221 bye"))
			return
		}
		reply := f.reply(number, line, usual)
		if reply == drop || !say(reply) {
			return
		}
		if line == "DATA" && strings.HasPrefix(reply, "354") {
			if reply = f.body(in, number); reply == drop || !say(reply) {
				return
			}
		}
	}
}

func (f *fake) body(in *bufio.Reader, number int) string {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return drop
		}
		if line == ".\r\n" {
			break
		}
	}
	reply := f.reply(number, ".", "250 2.0.0 Ok: queued as ABC123")
	if strings.HasPrefix(reply, "250") {
		f.note(func() { f.mails++ })
	}
	return reply
}

func (f *fake) reply(number int, line, usual string) string {
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	if answer != nil {
		if reply := answer(number, line); reply != "" {
			return reply
		}
	}
	return usual
}

func (f *fake) note(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
	close(f.changed)
	f.changed = make(chan struct{})
}

// dialogues are what each connection said so far, without its EHLO, words joined.
func (f *fake) dialogues() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, lines := range f.said {
		var verbs []string
		for _, line := range lines {
			verb, _, _ := strings.Cut(line, " ")
			if verb != "EHLO" {
				verbs = append(verbs, verb)
			}
		}
		all = append(all, strings.Join(verbs, " "))
	}
	return all
}

func (f *fake) lines(connection int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.said[connection]...)
}

func (f *fake) await(t *testing.T, what string, enough func() bool) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		f.mu.Lock()
		changed, done := f.changed, enough()
		f.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s did not happen: %v", what, f.dialogues())
		}
	}
}

// open makes a client for the fakes, in their order.
func open(t *testing.T, change func(*Config), fakes ...*fake) *Client {
	t.Helper()
	c := Config{LocalName: "mailer.acme.example"}
	for _, f := range fakes {
		host, port, _ := net.SplitHostPort(f.addr)
		c.Servers = append(c.Servers, Server{Host: host, Port: port, Encryption: Never})
	}
	if change != nil {
		change(&c)
	}
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// sent fails the test for a mail that was not.
func sent(t *testing.T, client *Client) Receipt {
	t.Helper()
	receipt, err := client.Send(t.Context(), envelope(t))
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func refused(t *testing.T, client *Client) *Failure {
	t.Helper()
	_, err := client.Send(t.Context(), envelope(t))
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("error %v, want a *Failure", err)
	}
	return f
}
