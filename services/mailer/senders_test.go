package mailer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// A server that refuses one tenant's sender holds up that tenant's mails and no
// others; they wait, are not blamed, and leave when it takes them.
func TestOneTenantsSenderIsRefused(t *testing.T) {
	t.Parallel()
	var accepted atomic.Bool
	w := newWorld(t, refusing("phones@globex.example", &accepted), 0)
	c := w.branded()
	w.run(c)
	var held, free []events.Recorded
	for _, number := range []string{"2001", "2002", "2003"} {
		held = append(held, w.grant(events.Extension{Tenant: "globex", Number: number}, "user"+number+"@example.com"))
		for _, tenant := range []string{"acme", "initech"} {
			free = append(free, w.grant(events.Extension{Tenant: tenant, Number: number}, tenant+number+"@example.com"))
		}
	}
	var waiting events.EmailsAnswer
	w.eventually("what they wait for is shown", func() bool {
		waiting, _ = w.ask(`{"tenant":"globex","extension":"2003"}`)
		return len(waiting.Emails) == 1 && strings.HasPrefix(waiting.Emails[0].Reason, "MAIL: 553 5.1.8")
	})
	if e := waiting.Emails[0]; e.State != StateQueued || e.Attempts != 0 || e.Advice != adviceSender || strings.Contains(e.Reason, "phones@") {
		t.Errorf("shown %+v", e)
	}
	w.eventually("all others are sent", func() bool {
		outcomes := w.outcomes()
		for _, cause := range free {
			if outcomes[cause.ID].Data == nil {
				return false
			}
		}
		return true
	})
	if n := w.senders(c); n != 1 {
		t.Errorf("%v senders are counted as refused, want 1", n)
	}
	if r := c.Host.Health.Report(); r.Status != "ok" {
		t.Errorf("readiness %+v, though others are sent", r)
	}
	accepted.Store(true)
	w.awaitOutcomes(append(held, free...)...)
	published := w.published()
	for _, cause := range append(held, free...) {
		if steps := published[cause.ID]; len(steps) != 1 || steps[0].EventName() != "EmailSent" {
			t.Errorf("published of %s: %+v, want EmailSent alone", cause.Extension, steps)
		}
	}
	if n := len(w.relay.Mails()); n != len(held)+len(free) {
		t.Errorf("%d mails, want %d", n, len(held)+len(free))
	}
	if n := w.senders(c); n != 0 {
		t.Errorf("%v senders are counted as refused in the end", n)
	}
	for line, want := range map[string]int{"a sender is refused": 1, "a sender is accepted again": 1, "work is paused": 0} {
		if n := strings.Count(w.lines.String(), line); n != want {
			t.Errorf("%d lines say %q, want %d", n, line, want)
		}
	}
}

// refusing is a server that does not take a sender until it does.
func refusing(sender string, accepted *atomic.Bool) servertest.SMTPScript {
	return servertest.SMTPScript{Mail: func(from string) error {
		if from == sender && !accepted.Load() {
			return servertest.SMTPAnswer(553, 5, 1, 8, "who is "+sender+"?")
		}
		return nil
	}}
}

// branded is a configuration of a mailer with two tenants that have a sender of their own.
func (w *world) branded() Config {
	w.t.Helper()
	c := w.config()
	c.Mail.Brands = w.t.TempDir()
	for _, tenant := range []string{"globex", "initech"} {
		brand := []byte("sender: Phones <phones@" + tenant + ".example>\n")
		if err := os.WriteFile(filepath.Join(c.Mail.Brands, tenant+".yaml"), brand, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return c
}

// A server that is back, if only to refuse the sender of all that waits, is no outage.
func TestOutageEndsWithARefusedSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t, refusing("phones@globex.example", new(atomic.Bool)), 0)
	w.relay.Stop()
	c := w.branded()
	w.run(c)
	w.grant(events.Extension{Tenant: "globex", Number: "2001"}, "anna@example.com")
	w.eventually("readiness says why", func() bool { return c.Host.Health.Report().Parts[events.Mailer].Status == "not ready" })
	w.relay.Start()
	w.eventually("readiness is back", func() bool { return c.Host.Health.Report().Status == "ok" && w.senders(c) == 1 })
}

// senders that are counted as refused.
func (w *world) senders(c Config) float64 {
	w.t.Helper()
	families, err := c.Host.Metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "softphone_mailer_senders_refused" {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	w.t.Fatal("refused senders are not counted")
	return 0
}

// One mail at a time sees whether a refused sender is accepted again, and the others
// get a time to come again.
func TestSenders(t *testing.T) {
	t.Parallel()
	c := Config{Recover: react.Bounds{First: time.Hour, Max: time.Hour}}
	c.Host = process.NewHost(zerolog.Nop())
	s := newSenders(c)
	if wait, _ := s.enter("a@acme.example"); wait != 0 {
		t.Errorf("a sender that nobody refused waits for %s", wait)
	}
	why := &react.Refusal{}
	if wait := s.refuse("a@acme.example", "acme", why); wait <= 0 {
		t.Error("a refused sender does not wait")
	}
	if wait, got := s.enter("a@acme.example"); wait <= 0 || !errors.Is(got, why) {
		t.Errorf("waits for %s because of %v", wait, got)
	}
	if wait, _ := s.enter("b@acme.example"); wait != 0 {
		t.Error("another sender waits")
	}
	s.refused["a@acme.example"].next = s.refused["a@acme.example"].next.Add(-2 * time.Hour)
	if wait, _ := s.enter("a@acme.example"); wait != 0 {
		t.Error("after the pause nobody sees whether it is over")
	}
	if wait, _ := s.enter("a@acme.example"); wait <= 0 {
		t.Error("two see at once whether it is over")
	}
	s.taken("a@acme.example")
	if wait, _ := s.enter("a@acme.example"); wait != 0 || s.reason("a@acme.example") != "" {
		t.Error("a sender that was accepted still waits")
	}
}
