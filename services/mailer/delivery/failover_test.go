package delivery

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestFailover(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(int, string) string{
		"refuses at the door":      answers("connect", "554 5.3.2 go away"),
		"hangs up":                 func(int, string) string { return drop },
		"does not like our sender": answers("MAIL", "553 5.1.8 who?"),
		"has no room":              answers("MAIL", "452 4.3.1 disk full"),
		"wants a password":         answers("RCPT", "530 5.7.0 log in"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newFake(t, "", broken), newFake(t, "", nil)
			client := open(t, func(c *Config) { c.Cooldown = Cooldown{time.Hour, time.Hour} }, first, second)
			for range 3 {
				if r := sent(t, client); r.Server != second.addr {
					t.Errorf("taken by %s", r.Server)
				}
			}
			if n := len(first.dialogues()); n != 1 {
				t.Errorf("the first server was asked %d times, want once", n)
			}
		})
	}
}

// A word about the mail is the last one: asking around until somebody takes a mail
// that was refused is what spammers do.
func TestNoFailoverForTheMail(t *testing.T) {
	t.Parallel()
	for reply, verdict := range map[string]Verdict{"450 4.7.1 greylisted": Temporary, "550 5.1.1 unknown": Final} {
		first := newFake(t, "", answers("RCPT", reply))
		second := newFake(t, "", nil)
		client := open(t, nil, first, second)
		if f := refused(t, client); f.Verdict != verdict || f.Server != first.addr {
			t.Errorf("%+v", f)
		}
		if n := len(second.dialogues()); n != 0 {
			t.Errorf("%s: the second server was asked", reply)
		}
	}
}

// A server that comes back is used again; until then one mail at a time looks.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	first := newFake(t, "", func(_ int, line string) string {
		if away.Load() && line == "connect" {
			return "421 4.3.2 not now"
		}
		return ""
	})
	second := newFake(t, "", nil)
	client := open(t, func(c *Config) { c.Cooldown = Cooldown{time.Millisecond, time.Millisecond} }, first, second)
	if r := sent(t, client); r.Server != second.addr {
		t.Errorf("taken by %s", r.Server)
	}
	away.Store(false)
	for end := time.Now().Add(20 * time.Second); sent(t, client).Server != first.addr; {
		if time.Now().After(end) {
			t.Fatal("the first server is not used again")
		}
	}
}

// Only when no server can be had is it told, and then each was asked, also one that
// rests: whoever asks again later must learn of the first that is back.
func TestAllServersAway(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	away.Store(true)
	answer := func(_ int, line string) string {
		if away.Load() && line == "connect" {
			return drop
		}
		return ""
	}
	first, second := newFake(t, "", answer), newFake(t, "", answer)
	client := open(t, func(c *Config) { c.Cooldown = Cooldown{time.Hour, time.Hour} }, first, second)
	for n := 1; n <= 3; n++ {
		if f := refused(t, client); f.Verdict != Unavailable {
			t.Errorf("%+v", f)
		}
		if a, b := len(first.dialogues()), len(second.dialogues()); a != n || b != n {
			t.Errorf("asked %d and %d times, want %d", a, b, n)
		}
	}
	away.Store(false)
	if r := sent(t, client); r.Server != first.addr {
		t.Errorf("taken by %s", r.Server)
	}
}

func TestCooldown(t *testing.T) {
	t.Parallel()
	r := cooldown{pauses: Cooldown{time.Hour, 10 * time.Hour}.pauses()}
	if !r.allow() || r.markDown() == 0 {
		t.Error("a server that never failed was not used, or is not marked down")
	}
	if r.allow() || r.markDown() != 0 {
		t.Error("used while it is down, or a mail that was under way made that longer")
	}
	r.until = time.Now()
	if !r.allow() || r.allow() {
		t.Error("after its cooldown one mail probes, and only one")
	}
	if r.markDown() < 90*time.Minute {
		t.Error("the second cooldown is no longer than the first")
	}
	r.until = time.Now()
	if !r.allow() {
		t.Error("no mail may probe")
	}
	r.inconclusive() // that mail was canceled
	if !r.allow() || !r.markUp() || !r.allow() || !r.allow() {
		t.Error("up, but not used")
	}
}

// Many mails at once, while servers come and go: each is taken once or told.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	flaky := func(_ int, line string) string {
		if (line == "connect" || strings.HasPrefix(line, "MAIL")) && n.Add(1)%5 == 0 {
			return drop
		}
		return ""
	}
	first, second := newFake(t, "PIPELINING", flaky), newFake(t, "", flaky)
	client := open(t, func(c *Config) {
		c.Cooldown, c.Domains, c.Reuse.Mails = Cooldown{time.Microsecond, time.Microsecond}, DomainLimits{"*": {AtOnce: 16}}, 7
	}, first, second)
	var senders sync.WaitGroup
	var accepted atomic.Int64
	for range 16 {
		senders.Go(func() {
			for range 20 {
				if _, err := client.Send(t.Context(), envelope(t)); err == nil {
					accepted.Add(1)
				} else if f, ok := errors.AsType[*Failure](err); !ok || f.Verdict != Unavailable {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	client.Close()
	if got := first.mails + second.mails; got != int(accepted.Load()) || got == 0 {
		t.Errorf("%d mails taken, %d told", got, accepted.Load())
	}
}

// A server that swallows packets holds one mail, not all: the others go elsewhere.
func TestCanceledMailLeavesNoRest(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 1)
	release := make(chan struct{})
	f := newFake(t, "", func(connection int, line string) string {
		if connection == 0 && line == "." {
			reached <- struct{}{}
			<-release
		}
		return ""
	})
	defer close(release)
	client := open(t, nil, f)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	if _, err := client.Send(ctx, envelope(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	if r := sent(t, client); r.Server != f.addr {
		t.Errorf("taken by %s", r.Server)
	}
}

func TestSMTPUTF8(t *testing.T) {
	t.Parallel()
	international := Envelope{From: "noreply@acme.example", To: "änne@müller.example", Bytes: []byte(welcome)}
	old, modern := newFake(t, "8BITMIME", nil), newFake(t, "8BITMIME SMTPUTF8", nil)
	client := open(t, nil, old)
	_, err := client.Send(t.Context(), international)
	if f, ok := errors.AsType[*Failure](err); !ok || f.Verdict != Final || !strings.Contains(f.Error(), "SMTPUTF8") {
		t.Errorf("error %v, want a final one", err)
	} else if advice := Advice(f.Code, f.Enhanced, f.Error(), f.Verdict == Final); !strings.Contains(advice, "plain ASCII") {
		t.Errorf("advice %q", advice)
	}
	sent(t, client) // the server is as good as before
	want(t, old, whole)

	if r, err := open(t, nil, old, modern).Send(t.Context(), international); err != nil || r.Server != modern.addr {
		t.Errorf("%+v, %v: want it taken by the server that can", r, err)
	}
	lines := modern.lines(0)
	if lines[1] != "MAIL FROM:<noreply@acme.example> BODY=8BITMIME SMTPUTF8" || lines[2] != "RCPT TO:<änne@xn--mller-kva.example>" {
		t.Errorf("%q", lines)
	}

	international.To = "anna@Müller.example" // its domain has a form for every server
	if _, err := open(t, nil, old).Send(t.Context(), international); err != nil {
		t.Error(err)
	}
	if lines := old.lines(2); lines[2] != "RCPT TO:<anna@xn--mller-kva.example>" || strings.Contains(lines[1], "SMTPUTF8") {
		t.Errorf("%q", lines)
	}
}

// An international address waits for a server that may take it, and holds up no mail
// that the others take.
func TestSMTPUTF8InAnOutage(t *testing.T) {
	t.Parallel()
	international := Envelope{From: "noreply@acme.example", To: "änne@müller.example", Bytes: []byte(welcome)}
	var away atomic.Bool
	modern := newFake(t, "8BITMIME SMTPUTF8", func(_ int, line string) string {
		if away.Load() && line == "connect" {
			return drop
		}
		return ""
	})
	old := newFake(t, "8BITMIME", nil)
	for name, order := range map[string][]*fake{"the first": {modern, old}, "the second": {old, modern}} {
		away.Store(true)
		client := open(t, func(c *Config) { c.Cooldown = Cooldown{time.Hour, time.Hour} }, order...)
		for _, when := range []string{"away", "down"} {
			_, err := client.Send(t.Context(), international)
			if f, ok := errors.AsType[*Failure](err); !ok || f.Verdict != Temporary {
				t.Errorf("%s is %s: %v, want it tried again, and nothing else", name, when, err)
			}
		}
		sent(t, client)
	}
}

func TestNoLoneLineBreaks(t *testing.T) {
	t.Parallel()
	f := newFake(t, "", nil)
	client := open(t, nil, f)
	for _, smuggled := range []string{"a: b\r\n\r\nx\n.\r\nMAIL FROM:<eve@evil.example>\r\n", "a: b\r\n\r\nx\r.\r\n", "a: b\n\nx"} {
		_, err := client.Send(t.Context(), Envelope{From: "a@acme.example", To: "b@acme.example", Bytes: []byte(smuggled)})
		if !errors.Is(err, errLineBreak) {
			t.Errorf("%q: %v", smuggled, err)
		}
	}
	if len(f.dialogues()) != 0 {
		t.Error("something was sent")
	}
}
