package portaltest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/portaltest"
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
