package delivery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const whole = "MAIL RCPT DATA" // a mail

func want(t *testing.T, f *fake, dialogues ...string) {
	t.Helper()
	if diff := cmp.Diff(dialogues, f.dialogues()); diff != "" {
		t.Errorf("what the connections said (-want +got):\n%s", diff)
	}
}

func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	f := newFake(t, "", nil)
	client := open(t, func(c *Config) { c.Reuse.Trust = time.Hour }, f)
	for range 3 {
		if r := sent(t, client); r != (Receipt{Server: f.addr, Code: 250, Text: "2.0.0 Ok: queued as ABC123", QueueID: "ABC123"}) {
			t.Errorf("receipt %+v", r)
		}
	}
	client.Close()
	want(t, f, whole+" "+whole+" "+whole+" QUIT")
}

// An answer that refuses a mail says nothing about the connection.
func TestRefusedMailKeepsTheConnection(t *testing.T) {
	t.Parallel()
	for offers, commands := range map[string]string{"": "MAIL RCPT", "PIPELINING": whole} {
		no := true
		f := newFake(t, offers, func(_ int, line string) string {
			switch {
			case no && strings.HasPrefix(line, "RCPT"):
				return "550 5.1.1 no"
			case no && line == "DATA":
				no = false
				return "503 5.5.1 no recipient"
			}
			if no && offers == "" && line == "RSET" {
				no = false
			}
			return ""
		})
		client := open(t, func(c *Config) { c.Reuse.Trust = time.Hour }, f)
		if got := refused(t, client); got.Verdict != Final || got.Enhanced != "5.1.1" || got.Server != f.addr {
			t.Errorf("%+v", got)
		}
		sent(t, client)
		want(t, f, commands+" RSET "+whole)
	}
}

// A server that wants the mail although it refused its recipient must not get one.
func TestRefusedRecipientAndDataAccepted(t *testing.T) {
	t.Parallel()
	f := newFake(t, "PIPELINING", func(connection int, line string) string {
		if connection == 0 && strings.HasPrefix(line, "RCPT") {
			return "550 5.1.1 no"
		}
		return ""
	})
	client := open(t, nil, f)
	if got := refused(t, client); got.Verdict != Final || got.Stage != stageRCPT {
		t.Errorf("%+v", got)
	}
	sent(t, client)
	f.await(t, "the first connection's end", func() bool { return f.ended >= 1 })
	want(t, f, whole, whole)
	if f.mails != 1 {
		t.Errorf("%d mails, want 1", f.mails)
	}
}

func TestMailLimit(t *testing.T) {
	t.Parallel()
	f := newFake(t, "", nil)
	client := open(t, func(c *Config) { c.Reuse.Mails, c.Reuse.Trust = 2, time.Hour }, f)
	for range 5 {
		sent(t, client)
	}
	f.await(t, "the end of two", func() bool { return f.ended == 2 })
	want(t, f, whole+" "+whole+" QUIT", whole+" "+whole+" QUIT", whole)
}

func TestIdleConnectionEnds(t *testing.T) {
	t.Parallel()
	f := newFake(t, "", nil)
	client := open(t, func(c *Config) { c.Reuse.Idle = 20 * time.Millisecond }, f)
	sent(t, client)
	f.await(t, "its end", func() bool { return f.ended == 1 })
	want(t, f, whole+" QUIT")
	sent(t, client)
}

// After a pause a connection is asked before it gets a mail. One that says no, or
// nothing, is replaced.
func TestIdleConnectionIsAsked(t *testing.T) {
	t.Parallel()
	for reply, then := range map[string][]string{
		"":                         {whole + " RSET " + whole},
		"421 4.4.2 timeout":        {whole + " RSET", whole},
		"500 5.5.1 what is RSET?":  {whole + " RSET", whole},
		drop:                       {whole + " RSET", whole},
		"nonsense from the server": {whole + " RSET", whole},
	} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "", func(_ int, line string) string {
				if line == "RSET" {
					return reply
				}
				return ""
			})
			client := open(t, func(c *Config) { c.Reuse.Trust = time.Nanosecond }, f)
			sent(t, client)
			sent(t, client)
			want(t, f, then...)
		})
	}
}

// The server ended the connection between two mails, and that shows only at MAIL:
// the mail goes on a fresh one at once, and nobody is told of a failure.
func TestStaleConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{drop, "421 4.4.2 timeout"} {
		for offers, commands := range map[string]string{"": "MAIL", "PIPELINING": "MAIL"} {
			stale := false
			f := newFake(t, offers, func(connection int, line string) string {
				if stale && connection == 0 && strings.HasPrefix(line, "MAIL") {
					return reply
				}
				return ""
			})
			client := open(t, func(c *Config) { c.Reuse.Trust = time.Hour }, f)
			sent(t, client)
			stale = true
			sent(t, client)
			f.await(t, "the first connection's end", func() bool { return f.ended >= 1 })
			got := f.dialogues()
			if len(got) != 2 || !strings.HasPrefix(got[0], whole+" "+commands) || got[1] != whole {
				t.Errorf("%q", got)
			}
		}
	}
}

// What a fresh connection says counts, and from RCPT on what any says: nothing is
// sent a second time then.
func TestNoSecondTry(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"RCPT", "DATA", "."} {
		broken := false
		f := newFake(t, "", func(_ int, line string) string {
			if broken && strings.HasPrefix(line, at) {
				return drop
			}
			return ""
		})
		client := open(t, func(c *Config) { c.Reuse.Trust = time.Hour }, f)
		sent(t, client)
		broken = true
		if got := refused(t, client); got.Verdict != Temporary {
			t.Errorf("%s: %v", at, got)
		}
		if got := f.dialogues(); len(got) != 1 {
			t.Errorf("%s: %q", at, got)
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	const most, mails = 3, 24
	var mu sync.Mutex
	full := make(chan struct{})
	waiting := 0
	f := newFake(t, "", func(_ int, line string) string {
		if line == "." { // until all connections are in use
			mu.Lock()
			if waiting++; waiting == most {
				close(full)
			}
			mu.Unlock()
			<-full
		}
		return ""
	})
	client := open(t, func(c *Config) {
		c.Reuse.Connections, c.Domains = most, DomainLimits{"*": {AtOnce: mails}}
	}, f)
	var senders sync.WaitGroup
	for range mails {
		senders.Go(func() {
			if _, err := client.Send(t.Context(), envelope(t)); err != nil {
				t.Error(err)
			}
		})
	}
	senders.Wait()
	if got := len(f.dialogues()); got != most {
		t.Errorf("%d connections for %d mails, want %d", got, mails, most)
	}
}

// A connection that takes its leave is one of those that are open: a server that
// allows no more would turn the next one away, and all mail would pause.
func TestLeavingConnectionsCount(t *testing.T) {
	t.Parallel()
	for name, reuse := range map[string]Reuse{
		"it had its mails": {Connections: 1, Mails: 1},
		"it was idle":      {Connections: 1, Idle: time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quitting, release := make(chan struct{}, 2), make(chan struct{})
			f := newFake(t, "", func(_ int, line string) string {
				if line == "QUIT" {
					quitting <- struct{}{}
					<-release
				}
				return ""
			})
			defer close(release)
			p := open(t, func(c *Config) { c.Reuse = reuse }, f).relays[0].pool
			leaving, err := p.get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leaving.mails++
			p.put(leaving)
			<-quitting // and it has no answer
			next, err := p.get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !leaving.gone.Load() {
				t.Error("another was opened before it was closed")
			}
			p.put(next)
		})
	}
}

// Whoever waits for a connection goes when its time is over, and Close waits for
// nobody who hangs.
func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	reached, release := make(chan struct{}), make(chan struct{})
	f := newFake(t, "", func(_ int, line string) string {
		if line == "." {
			close(reached)
			<-release
		}
		return ""
	})
	defer close(release)
	client := open(t, func(c *Config) { c.Reuse.Connections, c.Domains = 1, DomainLimits{"*": {AtOnce: 2}} }, f)
	hanging, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := client.Send(hanging, envelope(t)); ended <- err }()
	<-reached
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := client.Send(ctx, envelope(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	client.Close()
	if _, err := client.Send(t.Context(), envelope(t)); err == nil {
		t.Error("sent by a closed client")
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestPipelining(t *testing.T) {
	t.Parallel()
	got := make(chan string, 8)
	f := newFake(t, "PIPELINING 8BITMIME", func(_ int, line string) string { got <- line; return "" })
	sent(t, open(t, nil, f))
	want(t, f, whole)
	if line := f.lines(0)[1]; line != "MAIL FROM:<noreply@acme.example> BODY=8BITMIME" {
		t.Errorf("%s", line)
	}
}
