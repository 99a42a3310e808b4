package portaltest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

// A password is compared, and before the device has its seat the app is disabled and
// enabled again. The old password opens nothing of the new license: no token, no seat.
func TestOldPasswordAndNewLicense(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	old := enabled(t, w, ada)
	slow := w.PortalThat(func() {
		if err := w.Service.Disable(portaltest.As(t.Context(), ""), ada, portal.Any); err != nil {
			t.Error(err)
		}
		if _, err := w.Service.Enable(portaltest.As(t.Context(), ""), ada, portal.Any, "ada@example.com", ""); err != nil {
			t.Error(err)
		}
	})
	_, err := slow.SignIn(t.Context(), portal.SignIn{
		Username: old.Username, Password: old.Password, Device: portal.Device{ID: "d1", Platform: "mac"},
	})
	if !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("the password of the license before: %v", err)
	}
	d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
	if err != nil || !d.Granted || d.LicenseID == old.LicenseID || d.SeatsUnknown || d.Used != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// Whoever may choose a password may sign in with it, however long it is in bytes: some
// keyboards write each of its letters in parts.
func TestLongPassword(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	const apart = "\u1112\u1161\u11ab\u1100\u1173\u11af" // two syllables of Korean
	password := strings.Repeat(apart, 15) + strings.Repeat("heather moss ", 4)[:50] + strings.Repeat(apart, 24)
	e, err := w.Service.Enable(portaltest.As(t.Context(), ""), ada, portal.Any, "ada@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(t, w, e.Username, process.NewSecret(password), "d1"); err != nil {
		t.Errorf("%d bytes: %v", len(password), err)
	}
}

// A password is reset, and all devices signed out with it: those that are in, those that
// follow, and one whose password was just found to be right. They keep their seats. A reset
// that does not ask for it signs nobody out.
func TestResetSignsDevicesOut(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	ctx := portaltest.As(t.Context(), "Grace")
	reset := func(signOut bool) process.Secret {
		t.Helper()
		made, err := w.Service.ResetPassword(ctx, ada, portal.Any, "", signOut)
		if err != nil {
			t.Fatal(err)
		}
		return made.Password
	}
	in := func(password process.Secret, device string) string {
		t.Helper()
		made, err := signIn(t, w, e.Username, password, device)
		if err != nil {
			t.Fatal(err)
		}
		return made.Token.Reveal()
	}
	is := func(when, token string, want error) {
		t.Helper()
		if _, err := w.Service.Profile(t.Context(), token); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", when, err, want)
		}
	}
	first := in(e.Password, "d1")
	second := in(reset(false), "d2")
	is("after a reset", first, nil)
	news, err := w.Service.Follow(t.Context(), first)
	if err != nil || (<-news).Profile.DeviceID != "d1" {
		t.Fatalf("following: %v", err)
	}

	third := in(reset(true), "d1")
	is("signed out, from before the reset", first, portal.ErrUnauthorized)
	is("signed out, from the password before", second, portal.ErrUnauthorized)
	for now := range news {
		if now.SignedOut {
			break
		}
	}
	is("signed in again", third, nil)
	if p, err := w.Service.Profile(t.Context(), third); err != nil || p.Used != 2 {
		t.Errorf("the seats: %+v, %v", p, err)
	}
	reset(false)
	is("after one more reset", third, nil)
	is("after one more reset, of before", second, portal.ErrUnauthorized)

	password := reset(false)
	slow := w.PortalThat(func() { reset(true) })
	_, err = slow.SignIn(t.Context(), portal.SignIn{Username: e.Username, Password: password, Device: portal.Device{ID: "d1", Platform: "mac"}})
	if !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("its password was found right before the reset: %v", err)
	}
}
