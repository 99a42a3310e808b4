package portaltest_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

const address = "ada@example.com"

// unfinished makes an extension whose Enable was not answered in time, and returns what
// its administrator had seen before.
func unfinished(t *testing.T, w *portaltest.World, password string) (version uint64) {
	t.Helper()
	added(t, w, ada)
	d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
	if err != nil {
		t.Fatal(err)
	}
	w.StopLicense()
	hasty := w.Portal(time.Second)
	for w.Last(ada, events.Portal, "SoftphoneEnabled") == nil { // it may take longer to be stored
		_, err = hasty.Enable(portaltest.As(t.Context(), "Grace"), ada, d.Version, address, password)
		if !errors.Is(err, portal.ErrTryAgain) {
			t.Fatalf("Enable without the license worker: %v", err)
		}
	}
	return d.Version
}

func granted(t *testing.T, w *portaltest.World) {
	t.Helper()
	w.Eventually("the license is granted", func() bool {
		d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
		return err == nil && d.Granted
	})
}

// Who tries again what was not answered in time gets what they asked for, and a
// password, once: whether the license was granted meanwhile or not.
func TestEnableAgain(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]struct {
		tried   int // in vain
		granted bool
	}{
		"granted meanwhile":           {granted: true},
		"tried in vain before":        {tried: 2},
		"tried in vain, then granted": {tried: 1, granted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := portaltest.New(t)
			version := unfinished(t, w, "")
			for range meanwhile.tried {
				_, err := w.Portal(time.Second).Enable(portaltest.As(t.Context(), "Grace"), ada, version, address, "")
				if !errors.Is(err, portal.ErrTryAgain) {
					t.Errorf("still without the license worker: %v", err)
				}
			}
			w.StartLicense()
			if meanwhile.granted {
				granted(t, w)
				w.Eventually("there is no password", func() bool {
					d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
					return err == nil && d.NoPassword
				})
			}
			conflict := func(who, email string) {
				t.Helper()
				_, err := w.Service.Enable(portaltest.As(t.Context(), who), ada, version, email, "")
				if c, ok := errors.AsType[*portal.Conflict](err); !ok || c.Who != administrator("Grace") {
					t.Errorf("%s for %s: %v", who, email, err)
				}
			}
			conflict("Linus", address)
			conflict("Grace", "somebody.else@example.com")
			e, err := w.Service.Enable(portaltest.As(t.Context(), "Grace"), ada, version, address, "")
			if err != nil || e.Limit != 4 || e.LicenseID == "" {
				t.Fatalf("%+v, %v", e, err)
			}
			conflict("Grace", address) // it was shown
			if _, err := signIn(t, w, e.Username, e.Password, "d1"); err != nil {
				t.Errorf("the password that was shown: %v", err)
			}
			if n := credentials(t, w); n != 1 {
				t.Errorf("%d credentials are kept", n)
			}
			if d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada); err != nil || d.NoPassword {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
}

// A password the caller chose is in force as soon as the license is; naming it again is
// answered as if it were granted now.
func TestEnableAgainWithAPassword(t *testing.T) {
	t.Parallel()
	const password = "heather moss and granite"
	w := portaltest.New(t)
	version := unfinished(t, w, password)
	w.StartLicense()
	granted(t, w)
	if _, err := signIn(t, w, portal.Username(ada), process.NewSecret(password), "d1"); err != nil {
		t.Errorf("the password that was chosen: %v", err)
	}
	ctx := portaltest.As(t.Context(), "Grace")
	for _, other := range []string{"", "another one that is as long"} {
		if _, err := w.Service.Enable(ctx, ada, version, address, other); errors.Is(err, portal.ErrTryAgain) || err == nil {
			t.Errorf("with %q: %v", other, err)
		}
	}
	e, err := w.Service.Enable(ctx, ada, version, address, password)
	if err != nil || e.Limit != 4 || e.Username != portal.Username(ada) {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := signIn(t, w, e.Username, process.NewSecret(password), "d1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Of many who try again at once, at two replicas and while the license is granted, one
// is shown a password, and it is the one in force.
func TestEnableAgainOften(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	version := unfinished(t, w, "")
	services := []*portal.Service{w.Service, w.Portal(0)}
	var mu sync.Mutex
	var shown []portal.Enabled
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			e, err := services[i%2].Enable(portaltest.As(t.Context(), "Grace"), ada, version, address, "")
			mu.Lock()
			defer mu.Unlock()
			if _, conflict := errors.AsType[*portal.Conflict](err); err == nil {
				shown = append(shown, e)
			} else if !conflict {
				t.Errorf("%v", err)
			}
		})
	}
	w.StartLicense()
	all.Wait()
	if len(shown) != 1 {
		t.Fatalf("%d were shown a password", len(shown))
	}
	if _, err := signIn(t, w, shown[0].Username, shown[0].Password, "d1"); err != nil {
		t.Errorf("the password that was shown: %v", err)
	}
}
