package portaltest_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/portal"
)

// The address is corrected while the app is on: the license, the password, the device and
// its session stay, and the list and the page show the new one.
func TestAnAddressIsCorrected(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "Grace")
	e := enabled(t, w, ada)
	in, err := signIn(t, w, e.Username, e.Password, "d1")
	if err != nil {
		t.Fatal(err)
	}
	before, err := w.Service.Get(ctx, ada)
	if err != nil {
		t.Fatal(err)
	}
	now, err := w.Service.ChangeEmail(ctx, ada, before.Version, " ada@example.org\u200b ")
	if err != nil || now <= before.Version {
		t.Fatalf("version %d after %d: %v", now, before.Version, err)
	}
	after, err := w.Service.Get(ctx, ada)
	if err != nil || after.Email != "ada@example.org" || after.LicenseID != before.LicenseID || after.Used != 1 || after.Version != now {
		t.Errorf("%+v, %v", after, err)
	}
	if _, err := w.Service.Profile(t.Context(), in.Token.Reveal()); err != nil {
		t.Errorf("the device is signed out: %v", err)
	}
	if _, err := signIn(t, w, e.Username, e.Password, "d1"); err != nil {
		t.Errorf("the password: %v", err)
	}
	page, _, err := w.Service.List(ctx, "acme", "example.org", "")
	if err != nil || len(page) != 1 || page[0].Email != "ada@example.org" || page[0].Welcome.To != "ada@example.org" || page[0].Welcome.State != portal.MailQueued {
		t.Errorf("the list: %+v, %v", page, err)
	}
	held := workertest.Get[events.LicenseAnswer](w.World, events.License, ada)
	if held.Email != "ada@example.org" || held.Generation != 1 || held.LicenseID != before.LicenseID {
		t.Errorf("the license: %+v", held)
	}
	last := w.Last(ada, events.Portal, "SoftphoneEmailChanged")
	if fact, err := events.Decode(last.Subject, last.Data); err != nil || fact.By() != administrator("Grace") {
		t.Errorf("who did it: %+v, %v", fact, err)
	}
	if again, err := w.Service.ChangeEmail(ctx, ada, before.Version, "ada@example.org"); err != nil || again < now {
		t.Errorf("the same address, by who saw the old one: version %d, %v", again, err)
	}
	if n := stored(w, "SoftphoneEmailChanged"); n != 1 {
		t.Errorf("%d facts, want 1", n)
	}
	if err := w.Service.Disable(ctx, ada, portal.Any); err != nil {
		t.Fatal(err)
	}
	if off, err := w.Service.Get(ctx, ada); err != nil || off.Email != "ada@example.org" {
		t.Errorf("off, it suggests %q, %v", off.Email, err)
	}
	workertest.Settled(t, w.World, license.Rules())
}

// Where there is no license there is no address to correct, whoever asks.
func TestNoAddressToCorrect(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "")
	if _, err := w.Service.ChangeEmail(ctx, ada, portal.Any, "ada@example.org"); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	added(t, w, ada)
	if _, err := w.Service.ChangeEmail(ctx, ada, portal.Any, "ada@example.org"); !errors.Is(err, portal.ErrNotEnabled) {
		t.Errorf("off: %v", err)
	}
	if d := w.Decide(events.NewFact(ada, events.SoftphoneEmailChanged{Email: "ada@example.org"})); d.Outcome != events.NothingToDo {
		t.Errorf("off, by a core: %+v", d)
	}
	if _, err := w.Service.Enable(ctx, ada, portal.Any, "ada@example.com", ""); err != nil {
		t.Fatal(err)
	}
	if d, err := w.Service.Get(ctx, ada); err != nil || d.Email != "ada@example.com" {
		t.Errorf("what came before the license is not about it: %q, %v", d.Email, err)
	}
	if field, is := errors.AsType[*events.FieldError](second(w.Service.ChangeEmail(ctx, ada, portal.Any, "ada"))); !is || field.Field != "email" {
		t.Errorf("no address: %v", field)
	}
}

func second(_ uint64, err error) error { return err }

// A core corrects the address over NATS: the portal shows it, and who saw the page before
// is told.
func TestACoreCorrectsAnAddress(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "")
	enabled(t, w, ada)
	seen, err := w.Service.Get(ctx, ada)
	if err != nil {
		t.Fatal(err)
	}
	if d := w.Decide(events.NewFact(ada, events.SoftphoneEmailChanged{Email: "ada@example.org"})); d.Outcome != "LicenseEmailChanged" {
		t.Fatalf("decided %+v", d)
	}
	if d, err := w.Service.Get(ctx, ada); err != nil || d.Email != "ada@example.org" {
		t.Errorf("%+v, %v", d, err)
	}
	conflict, is := errors.AsType[*portal.Conflict](second(w.Service.ChangeEmail(ctx, ada, seen.Version, "ada@example.net")))
	if !is || conflict.What != "SoftphoneEmailChanged" || conflict.Who.Kind != events.ActorCore {
		t.Errorf("conflict %+v", conflict)
	}
}

// The license worker is away: the change is under way and not made twice, and whoever
// repeats it hears when it is made.
func TestAnAddressWhileTheLicenseWorkerIsAway(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "")
	enabled(t, w, ada)
	seen, err := w.Service.Get(ctx, ada)
	if err != nil {
		t.Fatal(err)
	}
	w.StopLicense()
	hasty := w.Portal(300 * time.Millisecond)
	for range 3 {
		if _, err := hasty.ChangeEmail(ctx, ada, seen.Version, "ada@example.org"); !errors.Is(err, portal.ErrTryAgain) {
			t.Errorf("%v, want %v", err, portal.ErrTryAgain)
		}
	}
	if n := stored(w, "SoftphoneEmailChanged"); n != 1 {
		t.Errorf("%d facts, want 1", n)
	}
	w.StartLicense()
	w.Eventually("the address is changed", func() bool {
		_, err := hasty.ChangeEmail(ctx, ada, seen.Version, "ada@example.org")
		return err == nil
	})
	if n := stored(w, "SoftphoneEmailChanged"); n != 1 {
		t.Errorf("%d facts, want 1", n)
	}
}

// Two administrators who saw the same correct it differently, at two replicas: one does.
func TestTwoCorrections(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "")
	enabled(t, w, ada)
	services := []*portal.Service{w.Service, w.Portal(0)}
	for round := range 2 {
		seen, err := w.Service.Get(ctx, ada)
		if err != nil {
			t.Fatal(err)
		}
		faults := make([]error, 2)
		var both sync.WaitGroup
		for i, s := range services {
			both.Go(func() {
				_, faults[i] = s.ChangeEmail(ctx, ada, seen.Version, fmt.Sprintf("ada-%d-%d@example.org", round, i))
			})
		}
		both.Wait()
		won := 0
		if faults[0] != nil {
			won = 1
		}
		if _, is := errors.AsType[*portal.Conflict](faults[1-won]); faults[won] != nil || !is {
			t.Errorf("round %d: %v, %v", round, faults[0], faults[1])
		}
		if d, err := w.Service.Get(ctx, ada); err != nil || d.Email != fmt.Sprintf("ada-%d-%d@example.org", round, won) {
			t.Errorf("round %d: %+v, %v", round, d, err)
		}
	}
}
