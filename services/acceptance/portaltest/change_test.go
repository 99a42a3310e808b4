package portaltest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/credential"
)

// Of two administrators who saw the same, one changes it and the other is told by whom.
func TestTwoAdministrators(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	other := w.Portal(0) // another replica
	for round := range 20 {
		d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
		if err != nil {
			t.Fatal(err)
		}
		services, names := []*portal.Service{w.Service, other}, []string{"Grace", "Linus"}
		faults := make([]error, 2)
		var both sync.WaitGroup
		for i := range services {
			both.Go(func() {
				ctx := portaltest.As(t.Context(), names[i])
				_, faults[i] = services[i].Save(ctx, ada, d.Version, fmt.Sprintf("%s's %d", names[i], round))
			})
		}
		both.Wait()
		won := 0
		if faults[0] != nil {
			won = 1
		}
		conflict, ok := errors.AsType[*portal.Conflict](faults[1-won])
		if faults[won] != nil || !ok || conflict.Who != administrator(names[won]) || conflict.What != "ExtensionRenamed" || conflict.When.IsZero() {
			t.Fatalf("round %d: %v, %v", round, faults[0], faults[1])
		}
		if d, err = other.Get(portaltest.As(t.Context(), ""), ada); err != nil || d.Name != fmt.Sprintf("%s's %d", names[won], round) {
			t.Fatalf("round %d: %+v, %v", round, d, err)
		}
	}
	moves := w.Messages(events.Stream, events.ExtensionFence("portal", ada))
	if len(moves) != 21 {
		t.Errorf("the fence moved %d times with 21 changes", len(moves))
	}
	for _, m := range moves {
		fact, err := w.Log.Get(t.Context(), sequence(t, m)+1)
		if err != nil || fact == nil || fact.Name() != "ExtensionRenamed" {
			t.Errorf("the fence moved without a change: %+v, %v", fact, err)
		}
	}
}

func sequence(t *testing.T, m jetstream.Msg) uint64 {
	t.Helper()
	meta, err := m.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	return meta.Sequence.Stream
}

// Enable clicked often, at two replicas: one license, one password, and it works.
func TestEnableOften(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	services := []*portal.Service{w.Service, w.Portal(0)}
	var mu sync.Mutex
	var granted []portal.Enabled
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			e, err := services[i%2].Enable(portaltest.As(t.Context(), ""), ada, portal.Any, "ada@example.com", "")
			mu.Lock()
			defer mu.Unlock()
			if _, conflict := errors.AsType[*portal.Conflict](err); err == nil {
				granted = append(granted, e)
			} else if !conflict {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	if len(granted) != 1 {
		t.Fatalf("%d were told a password", len(granted))
	}
	if _, err := signIn(t, w, granted[0].Username, granted[0].Password, "d1"); err != nil {
		t.Errorf("the password that was told: %v", err)
	}
	if n := credentials(t, w); n != 1 {
		t.Errorf("%d credentials are kept", n)
	}
}

// credentials counts what is in the bucket, also what was removed and left a mark.
func credentials(t *testing.T, w *portaltest.World) uint64 {
	t.Helper()
	stream, err := w.JS.Stream(t.Context(), "KV_"+setup.CredentialsBucket)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

// Devices that sign in are no reason to refuse a change, and do not keep one waiting:
// with 64 of them at it without a pause every change is made.
func TestSignInsAreNoConflict(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	enabled(t, w, ada)
	d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(portaltest.As(t.Context(), ""))
	signedIn := make(chan struct{})
	var signing sync.WaitGroup
	for i := range 64 {
		signing.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				fact := events.NewFact(ada, events.DeviceSignedIn{DeviceID: fmt.Sprint("d", i, "-", n), Platform: "mac"})
				if _, err := w.Log.Publish(ctx, workertest.Message(t, fact)); err != nil {
					continue // too slow a machine: another is stored
				}
				select {
				case signedIn <- struct{}{}:
				default:
				}
			}
		})
	}
	for i := range 20 {
		<-signedIn // there is one between any two changes
		version, err := w.Service.Save(portaltest.As(t.Context(), ""), ada, d.Version, fmt.Sprint("Ada ", i))
		if err != nil {
			t.Errorf("%d: %v", i, err)
			break
		}
		d.Version = version
	}
	cancel()
	signing.Wait()
}

// Without the license worker nothing is acknowledged, and nothing is half done: what
// was asked happens when it is back.
func TestLicenseWorkerAway(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	s, ctx := w.Portal(time.Second), portaltest.As(t.Context(), "")
	const password = "heather moss and granite"

	w.StopLicense()
	for w.Last(ada, events.Portal, "SoftphoneEnabled") == nil { // it may take longer to be stored
		if _, err := s.Enable(ctx, ada, portal.Any, "ada@example.com", password); !errors.Is(err, portal.ErrTryAgain) {
			t.Fatalf("Enable: %v", err)
		}
	}
	if d, err := s.Get(ctx, ada); err != nil || !d.Enabled || d.Granted {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := signIn(t, w, "1001@acme", process.NewSecret(password), "d1"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("signing in before the license: %v", err)
	}
	if _, err := s.ResetPassword(ctx, ada, portal.Any, "", false); !errors.Is(err, portal.ErrTryAgain) {
		t.Errorf("ResetPassword: %v", err)
	}
	w.StartLicense()
	w.Eventually("the license is granted", func() bool {
		d, err := s.Get(ctx, ada)
		return err == nil && d.Granted
	})
	if _, err := signIn(t, w, "1001@acme", process.NewSecret(password), "d1"); err != nil {
		t.Errorf("signing in with the license: %v", err)
	}

	w.StopLicense()
	for w.Last(ada, events.Portal, "SoftphoneDisabled") == nil {
		if err := s.Disable(ctx, ada, portal.Any); !errors.Is(err, portal.ErrTryAgain) {
			t.Fatalf("Disable: %v", err)
		}
	}
	if _, err := signIn(t, w, "1001@acme", process.NewSecret(password), "d1"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("signing in from Disable on: %v", err)
	}
	if err := s.Disable(ctx, ada, portal.Any); !errors.Is(err, portal.ErrTryAgain) {
		t.Errorf("Disable again: %v", err)
	}
	w.StartLicense()
	w.Eventually("the license is revoked", func() bool { return s.Disable(ctx, ada, portal.Any) == nil })
	if w.Last(ada, events.License, "LicenseRevoked") == nil {
		t.Error("acknowledged before it was revoked")
	}
}

// A portal that ends between storing a credential and publishing its fact leaves
// something that opens nothing, and that the next change takes away.
func TestCrashBetween(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	store, err := credential.Open(t.Context(), w.JS, setup.CredentialsBucket, portaltest.Seal(t))
	if err != nil {
		t.Fatal(err)
	}
	const orphan = "a password that was never told"
	hash, err := credential.NewHasher(1, 0).Hash(t.Context(), orphan)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), ada, events.NewFact(ada, events.SoftphonePasswordReset{}).ID, credential.Credential{Hash: hash, Epoch: credential.NewEpoch()}); err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(t, w, e.Username, process.NewSecret(orphan), "d1"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("the orphan opens: %v", err)
	}
	if _, err := signIn(t, w, e.Username, e.Password, "d1"); err != nil {
		t.Errorf("the password in force: %v", err)
	}
	reset, err := w.Service.ResetPassword(portaltest.As(t.Context(), ""), ada, portal.Any, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if n := credentials(t, w); n != 1 {
		t.Errorf("%d credentials are kept", n)
	}
	if _, err := signIn(t, w, e.Username, reset.Password, "d1"); err != nil {
		t.Errorf("the new password: %v", err)
	}

	// What the portal did not set does not open here: a PBX core that resets a password
	// by itself has its own.
	w.Publish(events.NewFact(ada, events.SoftphonePasswordReset{}))
	if _, err := signIn(t, w, e.Username, reset.Password, "d1"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("a password that was reset elsewhere: %v", err)
	}
}

// A refused change leaves no credential behind.
func TestRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Save(portaltest.As(t.Context(), ""), ada, d.Version, "Ada King"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Enable(portaltest.As(t.Context(), ""), ada, d.Version, "ada@example.com", ""); err == nil {
		t.Error("accepted")
	}
	for _, bad := range []string{"", "not an address"} {
		_, err := w.Service.Enable(portaltest.As(t.Context(), ""), ada, portal.Any, bad, "")
		if field, ok := errors.AsType[*events.FieldError](err); !ok || field.Field != "email" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if n := credentials(t, w); n != 0 {
		t.Errorf("%d credentials are kept", n)
	}
}

// Settings are what can be read: a fact that is a dead letter sets nothing.
func TestDeadLettersSetNothing(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	m := w.Tainted(events.NewFact(ada, events.ExtensionRenamed{Name: "Bad"}))
	m.Data = []byte(`{"specversion":"1.0"}`)
	w.Store(m)
	d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
	if err != nil || d.Name != "Ada Lovelace" {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := w.Service.Save(portaltest.As(t.Context(), ""), ada, d.Version, "Ada King"); err != nil {
		t.Error(err)
	}
}

// The list is in the order people count, has no gap between pages, finds what is
// asked for, and shows nobody else's.
func TestList(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "")
	for i := range 120 {
		w.Publish(events.NewFact(events.Extension{Tenant: "acme", Number: fmt.Sprint(950 + i)}, events.ExtensionRenamed{Name: fmt.Sprint("Name ", i)}))
	}
	for _, tenant := range []string{"acme2", "acm", "x-acme"} {
		w.Publish(events.NewFact(events.Extension{Tenant: tenant, Number: "950"}, events.ExtensionRenamed{Name: "Name"}))
	}
	if err := w.Service.Delete(ctx, events.Extension{Tenant: "acme", Number: "1000"}, portal.Any); err != nil {
		t.Fatal(err)
	}
	var numbers []string
	w.Eventually("everything is in the list", func() bool {
		numbers = nil
		for from, more := "", true; more; more = from != "" {
			page, next, err := w.Service.List(ctx, "acme", "", from)
			if err != nil || len(page) > portal.PageSize {
				t.Fatalf("%d, %v", len(page), err)
			}
			for _, s := range page {
				numbers = append(numbers, s.Extension.Number)
			}
			from = next
		}
		return len(numbers) == 119
	})
	for i, want := 0, 950; i < len(numbers); i, want = i+1, want+1 {
		if want == 1000 {
			want++
		}
		if numbers[i] != fmt.Sprint(want) {
			t.Fatalf("at %d is %s, want %d", i, numbers[i], want)
		}
	}
	for query, want := range map[string]int{"name 11": 11, "1069": 1, "NAME 119": 1, "nobody": 0} {
		if page, _, err := w.Service.List(ctx, "acme", query, ""); err != nil || len(page) != want {
			t.Errorf("%q finds %d, want %d: %v", query, len(page), want, err)
		}
	}
	if _, _, err := w.Service.List(ctx, "ac*me", "", ""); err == nil {
		t.Error("a tenant with a wildcard")
	}
}

// Redis loses everything: devices sign in again, without another seat, and the list
// is there again.
func TestRedisLosesEverything(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	in, err := signIn(t, w, e.Username, e.Password, "d1")
	if err != nil {
		t.Fatal(err)
	}
	w.Redis.Empty()
	if _, err := w.Service.Profile(t.Context(), in.Token.Reveal()); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("a token that Redis lost: %v", err)
	}
	w.Eventually("the device is in again", func() bool {
		in, err = signIn(t, w, e.Username, e.Password, "d1")
		return err == nil
	})
	if in.Used != 1 {
		t.Errorf("it has %d seats", in.Used)
	}
	w.Eventually("the list is there again", func() bool {
		page, _, err := w.Service.List(portaltest.As(t.Context(), ""), "acme", "", "")
		return err == nil && len(page) == 1 && page[0].Used == 1 && page[0].Enabled
	})
}
