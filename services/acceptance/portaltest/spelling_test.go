package portaltest_test

import (
	"errors"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

// A phone writes the first letter of a username large. That signs in all the same, unless there
// are two extensions that differ only in case: then each has its own name.
func TestUsernameInAnotherCase(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	small := events.Extension{Tenant: "acme", Number: "reception"}
	large := events.Extension{Tenant: "acme", Number: "RECEPTION"}
	e := enabled(t, w, small)
	for _, username := range []string{"reception@acme", "Reception@acme", "RECEPTION@Acme"} {
		in, err := signIn(t, w, username, e.Password, "d1")
		if err != nil {
			t.Fatalf("%s: %v", username, err)
		}
		if in.Extension != small || in.Username != "reception@acme" {
			t.Errorf("%s: signed in as %+v", username, in.Profile)
		}
		if p, err := w.Service.Profile(t.Context(), in.Token.Reveal()); err != nil || p.Extension != small {
			t.Errorf("%s: its token is of %+v, %v", username, p, err)
		}
	}
	if _, err := signIn(t, w, "receptions@acme", e.Password, "d1"); !errors.Is(err, portal.ErrUnauthorized) {
		t.Errorf("another name: %v", err)
	}
	other := enabled(t, w, large)
	if in, err := signIn(t, w, "RECEPTION@acme", other.Password, "d2"); err != nil || in.Extension != large {
		t.Errorf("the exact one of two: %+v, %v", in.Profile, err)
	}
	for _, username := range []string{"RECEPTION@acme", "Reception@acme"} {
		if _, err := signIn(t, w, username, e.Password, "d1"); !errors.Is(err, portal.ErrUnauthorized) {
			t.Errorf("%s with the password of reception: %v", username, err)
		}
	}
	if err := w.Service.Delete(portaltest.As(t.Context(), ""), large, portal.Any); err != nil {
		t.Fatal(err)
	}
	for _, username := range []string{"RECEPTION@acme", "Reception@acme", "reception@acme"} {
		if in, err := signIn(t, w, username, e.Password, "d1"); err != nil || in.Extension != small {
			t.Errorf("%s when the other is deleted: %+v, %v", username, in.Profile, err)
		}
	}
}

// Spellings of one username share the count of wrong passwords: they are no way to more guesses.
func TestSpellingsAreCountedTogether(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, events.Extension{Tenant: "acme", Number: "desk"})
	// On a slow machine the first delays may be over before the next try, and they grow.
	refused := false
	for n, spellings := 0, []string{"desk@acme", "Desk@acme", "dEsk@acme", "deSk@acme", "desK@acme", "DESK@acme"}; n < 24 && !refused; n++ {
		_, err := signIn(t, w, spellings[n%len(spellings)], process.NewSecret("not the password"), "d1")
		if _, refused = errors.AsType[*portal.TooMany](err); !refused && !errors.Is(err, portal.ErrUnauthorized) {
			t.Errorf("%s: %v", spellings[n%len(spellings)], err)
		}
		if refused && n < 5 {
			t.Errorf("refused after %d tries", n)
		}
	}
	if _, err := signIn(t, w, "DesK@acme", e.Password, "d1"); !refused {
		t.Errorf("after four wrong passwords in each of six spellings: %v", err)
	}
}
