package portaltest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/portaltest"
)

// Unknown, disabled and wrong are one answer, and take the same time.
func TestNobodyIsToldApart(t *testing.T) { // alone: it measures time
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	off := events.Extension{Tenant: "acme", Number: "1002"}
	added(t, w, off)
	took := map[string][]time.Duration{}
	for range 7 {
		for _, username := range []string{e.Username, portal.Username(off), "9999@acme", "no username at all", "@", "1001@acme.example"} {
			if err := w.State.FlushDB(t.Context()).Err(); err != nil { // nobody waits
				t.Fatal(err)
			}
			began := time.Now()
			_, err := signIn(t, w, username, process.NewSecret("not the right one"), "d1")
			took[username] = append(took[username], time.Since(began))
			if !errors.Is(err, portal.ErrUnauthorized) || err.Error() != portal.ErrUnauthorized.Error() {
				t.Fatalf("%s: %v", username, err)
			}
		}
	}
	middle := func(username string) time.Duration {
		slices.Sort(took[username])
		return took[username][len(took[username])/2]
	}
	wrong := middle(e.Username)
	for username := range took {
		if m := middle(username); m < wrong/2 || m > wrong*2 {
			t.Errorf("%s is answered in %s, a wrong password in %s", username, m, wrong)
		}
	}
}

// Who watches hears of a change also after NATS was away.
func TestWatchSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := w.Service.Watch(ctx, ada)
	w.NATS.Restart()
	w.Eventually("the extension is renamed", func() bool {
		_, err := w.Service.Save(ctx, ada, portal.Any, "Ada King")
		return err == nil
	})
	d, err := w.Service.Get(ctx, ada)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(20 * time.Second); ; {
		select {
		case c := <-changes:
			if c.Sequence >= d.Version {
				return
			}
		case <-deadline:
			t.Fatal("not told")
		}
	}
}
