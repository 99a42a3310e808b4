package portaltest_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// administrator is the one that portaltest.As makes.
func administrator(name string) events.Actor {
	return events.Actor{Kind: events.ActorAdministrator, ID: name, Name: name}
}

var ada = events.Extension{Tenant: "acme", Number: "1001"}

// added makes the extension, for a test that begins after that.
func added(t *testing.T, w *portaltest.World, x events.Extension) {
	t.Helper()
	if _, err := w.Service.Add(portaltest.As(t.Context(), ""), x, "Ada Lovelace"); err != nil {
		t.Fatal(err)
	}
}

func enabled(t *testing.T, w *portaltest.World, x events.Extension) portal.Enabled {
	t.Helper()
	added(t, w, x)
	e, err := w.Service.Enable(portaltest.As(t.Context(), ""), x, portal.Any, "ada@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func signIn(t *testing.T, w *portaltest.World, username string, password process.Secret, device string) (portal.SignedIn, error) {
	t.Helper()
	return w.Service.SignIn(t.Context(), portal.SignIn{
		Username: username, Password: password, Device: portal.Device{ID: device, Platform: "mac", Name: "Ada's " + device},
		Address: "192.0.2.1",
	})
}

// The guide, from adding an extension to deleting it.
func TestGuide(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	s, ctx := w.Service, portaltest.As(t.Context(), "Grace")
	added(t, w, ada)

	d, err := s.Get(ctx, ada)
	if err != nil || d.Name != "Ada Lovelace" || d.Enabled || d.Username != "1001@acme" {
		t.Fatalf("%+v, %v", d, err)
	}
	e, err := s.Enable(ctx, ada, d.Version, "ada@example.com", "")
	if err != nil || len(e.Password.Reveal()) != 23 || e.Limit != 4 || e.Username != "1001@acme" {
		t.Fatalf("%+v, %v", e, err)
	}
	if granted := w.Last(ada, events.License, "LicenseGranted"); granted == nil {
		t.Fatal("Enable returned and the license is not granted")
	}

	// Four devices sign in, and again; the fifth does not.
	var tokens []string
	for range 2 {
		for i := range 4 {
			in, err := signIn(t, w, e.Username, e.Password, "d"+strconv.Itoa(i))
			if err != nil || in.Limit != 4 || in.DisplayName != "Ada Lovelace" {
				t.Fatalf("device %d: %+v, %v", i, in, err)
			}
			tokens = append(tokens, in.Token.Reveal())
		}
	}
	_, err = signIn(t, w, e.Username, e.Password, "d5")
	full, ok := errors.AsType[*portal.LimitReached](err)
	if !ok || full.Used != 4 || full.Limit != 4 || len(full.Devices) != 4 || full.Devices[0].Name != "Ada's d0" {
		t.Fatalf("a fifth device: %v", err)
	}
	if _, err := signIn(t, w, e.Username, process.NewSecret("wrong-wrong-wrong"), "d1"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Fatalf("a wrong password: %v", err)
	}

	// A device is removed: its token ends, another fits.
	if err := s.RemoveDevice(ctx, ada, portal.Any, "d2"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Profile(ctx, tokens[2]); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("the token of a removed device: %v", err)
	}
	if p, err := s.Profile(ctx, tokens[1]); err != nil || p.Used != 3 || p.DeviceID != "d1" {
		t.Errorf("%+v, %v", p, err)
	}
	if err := s.RemoveDevice(ctx, ada, portal.Any, "d2"); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("removing it again: %v", err)
	}
	if _, err := signIn(t, w, e.Username, e.Password, "d5"); err != nil {
		t.Errorf("the free seat: %v", err)
	}

	// A new password: the old one fails, seats and tokens stay.
	reset, err := s.ResetPassword(ctx, ada, portal.Any, "heather moss and granite", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(t, w, e.Username, e.Password, "d0"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("the old password: %v", err)
	}
	if in, err := signIn(t, w, e.Username, reset.Password, "d0"); err != nil || in.Used != 4 {
		t.Errorf("the new password: %+v, %v", in, err)
	}

	// Renamed: whoever watches is told, and sees it.
	watching, cancel := context.WithCancel(ctx)
	changes, err := s.Watch(watching, ada)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Save(ctx, ada, portal.Any, "Ada King"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changes:
	case <-time.After(workertest.Patience):
		t.Error("nobody told of the new name")
	}
	cancel()
	for range changes {
	}
	if p, err := s.Profile(ctx, tokens[0]); err != nil || p.DisplayName != "Ada King" {
		t.Errorf("%+v, %v", p, err)
	}
	w.Eventually("the list shows it", func() bool {
		page, next, err := s.List(ctx, "acme", "king", "")
		return err == nil && next == "" && len(page) == 1 && page[0].Name == "Ada King" && page[0].Used == 4 && page[0].Enabled && page[0].Welcome.State == "queued"
	})

	// Disabled: nobody is in. Enabled again: a fresh count.
	if err := s.Disable(ctx, ada, portal.Any); err != nil {
		t.Fatal(err)
	}
	if w.Last(ada, events.License, "LicenseRevoked") == nil {
		t.Error("Disable returned and the license is not revoked")
	}
	if _, err := s.Profile(ctx, tokens[0]); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("a token after Disable: %v", err)
	}
	if _, err := signIn(t, w, e.Username, reset.Password, "d0"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("signing in after Disable: %v", err)
	}
	if err := s.Disable(ctx, ada, portal.Any); err != nil {
		t.Errorf("Disable again: %v", err)
	}
	again, err := s.Enable(ctx, ada, portal.Any, "ada@example.com", "")
	if err != nil || again.LicenseID == e.LicenseID {
		t.Fatalf("%+v, %v", again, err)
	}
	if in, err := signIn(t, w, e.Username, again.Password, "new"); err != nil || in.Used != 1 {
		t.Errorf("%+v, %v", in, err)
	}

	if err := s.Delete(ctx, ada, portal.Any); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, ada); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
	w.Eventually("the list shows it no more", func() bool {
		page, _, err := s.List(ctx, "acme", "", "")
		return err == nil && len(page) == 0
	})
	left, err := w.JS.Stream(ctx, "KV_softphone-credentials")
	if err != nil {
		t.Fatal(err)
	}
	if n := left.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d credentials are left", n)
	}
}
