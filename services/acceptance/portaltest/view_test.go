package portaltest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

// opens holds a password to let a device in, or not. The device has its seat already, so that
// nothing but the password keeps it out.
func opens(t *testing.T, w *portaltest.World, when, username string, password process.Secret, want error) {
	t.Helper()
	if _, err := signIn(t, w, username, password, "d1"); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", when, err, want)
	}
}

// Whatever the view knows yet, a password opens from when it was set until when it was replaced,
// and not after the app was disabled. The view is a few milliseconds behind each of these changes.
func TestPasswordsRightAfterAChange(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	changing(t, w, 8)
}

// The same with nobody who folds the view.
func TestPasswordsWithoutTheView(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	w.StopView()
	changing(t, w, 2)
}

func changing(t *testing.T, w *portaltest.World, rounds int) {
	t.Helper()
	ctx := portaltest.As(t.Context(), "Grace")
	added(t, w, ada)
	for range rounds {
		e, err := w.Service.Enable(ctx, ada, portal.Any, "ada@example.com", "")
		if err != nil {
			t.Fatal(err)
		}
		opens(t, w, "granted just now", e.Username, e.Password, nil)
		reset, err := w.Service.ResetPassword(ctx, ada, portal.Any, "", false)
		if err != nil {
			t.Fatal(err)
		}
		opens(t, w, "replaced just now", e.Username, e.Password, portal.ErrUnauthorized)
		opens(t, w, "set just now", e.Username, reset.Password, nil)
		if err := w.Service.Disable(ctx, ada, portal.Any); err != nil {
			t.Fatal(err)
		}
		opens(t, w, "disabled just now", e.Username, reset.Password, portal.ErrUnauthorized)
	}
}

// A row of the view that somebody damaged keeps nobody out and lets nobody in.
func TestPasswordsWithADamagedView(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	opens(t, w, "before", e.Username, e.Password, nil)
	w.StopView()
	row := fmt.Sprintf("softphone:{p%d}:portal:acme:1001", events.PartitionOf(ada.Tenant))
	for what, do := range map[string]func() error{
		"of another type": func() error {
			if err := w.State.Del(t.Context(), row).Err(); err != nil {
				return err
			}
			return w.State.Set(t.Context(), row, "", 0).Err()
		},
		"without its sequence": func() error {
			if err := w.State.Del(t.Context(), row).Err(); err != nil {
				return err
			}
			return w.State.HSet(t.Context(), row, "exists", "1").Err()
		},
		"gone": func() error { return w.State.Del(t.Context(), row).Err() },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		opens(t, w, what, e.Username, e.Password, nil)
		opens(t, w, what+", the wrong password", e.Username, process.NewSecret("heather moss and granite"), portal.ErrUnauthorized)
	}
}
