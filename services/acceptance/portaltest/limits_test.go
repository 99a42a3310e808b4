package portaltest_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// stored counts the events of a name.
func stored(w *portaltest.World, name string) int {
	return len(w.Messages(events.Stream, "log.*.*.*.*."+name))
}

// Who has the password may sign in often, and not for ever; others are not held up by it.
func TestSignInsOfOneAccountAreBounded(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	began, n := time.Now(), 0
	var err error
	for ; err == nil; n++ {
		_, err = signIn(t, w, e.Username, e.Password, "d1")
	}
	// One more is allowed every 30 s, and 120 take a while on a busy machine.
	if most := 121 + int(time.Since(began)/(30*time.Second)); n < 121 || n > most {
		t.Errorf("sign-in %d is refused, want one of 121 to %d", n, most)
	}
	if many, is := errors.AsType[*portal.TooMany](err); !is || many.Of != portal.OfSignIns || many.RetryAfter <= 0 || many.RetryAfter > 30*time.Second {
		t.Errorf("sign-in %d: %v", n, err)
	}
	if n := w.Metric("softphone_limited_total", "limit", "sign-ins"); n != 1 {
		t.Errorf("%g are counted", n)
	}
	bob := enabled(t, w, events.Extension{Tenant: "acme", Number: "1002"})
	if _, err := signIn(t, w, bob.Username, bob.Password, "d1"); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// A device too many is always told so, and the log does not grow with every try.
func TestRefusalsLeaveFewEvents(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	for i := range 4 {
		if _, err := signIn(t, w, e.Username, e.Password, fmt.Sprint("d", i)); err != nil {
			t.Fatal(err)
		}
	}
	before := stored(w, "DeviceSignedIn")
	for i := range 25 {
		_, err := signIn(t, w, e.Username, e.Password, fmt.Sprint("e", i))
		if full, is := errors.AsType[*portal.LimitReached](err); !is || full.Used != 4 || full.Limit != 4 || len(full.Devices) != 4 {
			t.Fatalf("device %d too many: %v", i+1, err)
		}
	}
	if facts, outcomes := stored(w, "DeviceSignedIn")-before, stored(w, "DeviceActivationLimitReached"); facts != 10 || outcomes != 10 {
		t.Errorf("25 tries left %d facts and %d outcomes", facts, outcomes)
	}
	if err := w.Service.RemoveDevice(portaltest.As(t.Context(), ""), ada, portal.Any, "d0"); err != nil {
		t.Fatal(err)
	}
	if in, err := signIn(t, w, e.Username, e.Password, "e1"); err != nil || in.Used != 4 {
		t.Errorf("when a seat is free: %+v, %v", in, err)
	}
}

// Thirty clicks on "Send again" send three mails, whoever clicks; and one address gets no more
// than ten, of however many extensions it is.
func TestSendAgainIsBounded(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	enabled(t, c.world, ada)
	refused := 0
	for range 30 {
		a := c.call("POST "+softphone+"/welcome-email", "", nil)
		if a.status == 202 {
			continue
		}
		refused++
		a.problem(429, "too-many-requests")
		if wait, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || wait < 1 || wait > 300 {
			t.Errorf("Retry-After: %d, %v", wait, err)
		}
	}
	again := event(events.NewFact(ada, events.WelcomeEmailRequested{}))
	c.call("POST /events", "", again).problem(429, "too-many-requests")
	if n := stored(c.world, "WelcomeEmailRequested"); n != 3 || refused != 27 {
		t.Errorf("%d mails were asked for, %d clicks refused", n, refused)
	}
	for i := range 4 { // of the same address
		x := events.Extension{Tenant: "acme", Number: strconv.Itoa(2000 + i)}
		enabled(t, c.world, x)
		for range 3 {
			_ = c.world.Service.SendWelcome(portaltest.As(t.Context(), ""), x, portal.Any)
		}
	}
	if n := stored(c.world, "WelcomeEmailRequested"); n != 10 {
		t.Errorf("%d mails were asked for, to one address", n)
	}
}
