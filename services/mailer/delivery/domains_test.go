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

func TestParseDomainLimits(t *testing.T) {
	t.Parallel()
	limits, err := ParseDomainLimits("gmail.com=4 *=2@30/m,müller.example=1@0.5/s, Acme.Example=3@3600/h")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DomainLimits{
		"gmail.com": {AtOnce: 4}, "*": {2, 0.5}, "xn--mller-kva.example": {1, 0.5}, "acme.example": {3, 1},
	}, limits); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"gmail.com", "gmail.com=", "gmail.com=0", "=2", "a b=2", "x_y!=2", "a=2@3", "a=2@3/d", "a=2@-1/s", "a=2@0/s", "a=2@x/s", "a=1 a=2"} {
		if _, err := ParseDomainLimits(bad); err == nil || !strings.HasPrefix(err.Error(), "MAIL_DOMAIN_LIMITS: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// One slow domain has its share of the connections; what is beyond is told to come
// later, and others pass.
func TestSlowDomainTakesNotAll(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hanging := make(chan struct{}, 64)
	var mu sync.Mutex
	slow := map[int]bool{}
	f := newFake(t, "", func(connection int, line string) string {
		mu.Lock()
		if strings.HasPrefix(line, "RCPT") {
			slow[connection] = strings.Contains(line, "@slow.example")
		}
		hang := line == "." && slow[connection]
		mu.Unlock()
		if hang {
			hanging <- struct{}{}
			<-release
		}
		return ""
	})
	client := open(t, func(c *Config) { c.Reuse.Connections = 4 }, f)
	to := func(address string) error {
		mail := envelope(t)
		mail.To = address
		_, err := client.Send(t.Context(), mail)
		return err
	}
	var senders sync.WaitGroup
	for range 3 {
		senders.Go(func() {
			if err := to("anna@slow.example"); err != nil {
				t.Error(err)
			}
		})
	}
	for range 3 {
		<-hanging
	}
	last := time.Duration(0)
	if busy := client.Full("anna@SLOW.example"); busy == nil || busy.After <= 0 || client.Full("anna@fast.example") != nil {
		t.Errorf("full: %v, and another domain: %v", busy, client.Full("anna@fast.example"))
	} else {
		last = busy.After
	}
	for range 3 {
		err := to("anna@SLOW.example")
		busy, is := errors.AsType[*Busy](err)
		if !is || busy.After <= last || busy.After > maxTurn || busy.Domain != "slow.example" {
			t.Errorf("%v: want it busy, each a turn later than %v", err, last)
			continue
		}
		last = busy.After
	}
	for range 5 {
		if err := to("anna@fast.example"); err != nil {
			t.Error(err)
		}
	}
	close(release)
	senders.Wait()
	if busy := client.Full("anna@slow.example"); busy != nil {
		t.Errorf("room again, but: %v", busy)
	}
	if err := to("anna@slow.example"); err != nil {
		t.Errorf("room again, but: %v", err)
	}
}

func TestRateOfADomain(t *testing.T) {
	t.Parallel()
	d := newDomains(DomainLimits{"acme.example": {2, 0.001}}, 8, 1)
	for range 2 { // its burst
		leave, err := d.enter(t.Context(), "acme.example")
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if _, err := d.enter(t.Context(), "acme.example"); err == nil || d.full("acme.example") == nil {
		t.Error("a third at once")
	}
	if _, err := d.enter(t.Context(), "other.example"); err != nil {
		t.Error(err)
	}
}

// Mails that wait get a place in their order, and give it back; one that is canceled
// leaves the queue.
func TestWaitingForAPlace(t *testing.T) {
	t.Parallel()
	d := newDomains(DomainLimits{"*": {AtOnce: 1}}, 8, 1)
	first, err := d.enter(t.Context(), "acme.example")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.enter(ctx, "acme.example"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	_, turn, err := d.ask("acme.example")
	if err != nil || turn == nil {
		t.Fatalf("no place to wait for: %v", err)
	}
	first()
	<-turn
	if at := d.by["acme.example"]; at.running != 1 || len(at.waiting) != 0 {
		t.Errorf("%d under way, %d wait", at.running, len(at.waiting))
	}
	d.leave(d.by["acme.example"])
	second, err := d.enter(t.Context(), "acme.example")
	if err != nil {
		t.Fatal(err)
	}
	second()
	if at := d.by["acme.example"]; at.running != 0 {
		t.Errorf("%d under way, want none", at.running)
	}
}

func TestForgottenDomains(t *testing.T) {
	t.Parallel()
	d := newDomains(nil, 8, 1)
	for i := range manyDomains {
		leave, err := d.enter(t.Context(), string(rune('a'+i%26))+strings.Repeat("x", i/26)+".example")
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	for _, at := range d.by {
		at.last = time.Now().Add(-2 * time.Hour)
	}
	if _, err := d.enter(t.Context(), "new.example"); err != nil || len(d.by) != 1 {
		t.Errorf("%d domains are kept (%v)", len(d.by), err)
	}
}
