package portaltest_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// Unknown, disabled and wrong are one answer, byte for byte, and cost the same work: one
// password hash. No clock is needed to see that, and none is fine enough to.
func TestNobodyIsToldApart(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	enabled(t, c.world, ada)
	off := events.Extension{Tenant: "acme", Number: "1002"}
	added(t, c.world, off)
	was := enabled(t, c.world, events.Extension{Tenant: "acme", Number: "1003"})
	if err := c.world.Service.Disable(portaltest.As(t.Context(), ""), events.Extension{Tenant: "acme", Number: "1003"}, portal.Any); err != nil {
		t.Fatal(err)
	}
	hashes := func() float64 { return c.world.Metric("softphone_password_hashes_total") }
	signIn := func(username string) (a answer, work float64) {
		before := hashes()
		a = c.as("").call("POST /softphone/sign-in", "", fields{
			"username": username, "password": "not the right one", "device": fields{"id": "d1", "platform": "mac"},
		})
		a.problem(401, "unauthorized")
		a.header.Del("Date")
		return a, hashes() - before
	}
	wrong, work := signIn(portal.Username(ada))
	if work != 1 {
		t.Errorf("a wrong password costs %g hashes", work)
	}
	for _, username := range []string{portal.Username(off), was.Username, "9999@acme", "no username at all", "@", "1001@acme.example", "a@b@c"} {
		a, work := signIn(username)
		if diff := cmp.Diff(string(wrong.body), string(a.body)); diff != "" {
			t.Errorf("%s is told apart (-wrong +this):\n%s", username, diff)
		}
		if !maps.EqualFunc(wrong.header, a.header, func(x, y []string) bool { return cmp.Equal(x, y) }) {
			t.Errorf("%s is told apart by headers: %v, %v", username, a.header, wrong.header)
		}
		if work != 1 {
			t.Errorf("%s costs %g hashes, a wrong password one", username, work)
		}
	}
	if n := c.world.Metric("softphone_sign_ins_total", "outcome", "wrong"); n != 8 {
		t.Errorf("%g sign-ins are counted as wrong", n)
	}
}

// Who watches hears of a change also after NATS was away.
func TestWatchSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	ctx, cancel := context.WithCancel(portaltest.As(t.Context(), ""))
	defer cancel()
	changes, err := w.Service.Watch(ctx, ada)
	if err != nil {
		t.Fatal(err)
	}
	w.NATS.Restart()
	w.Eventually("the extension is renamed", func() bool {
		_, err := w.Service.Save(ctx, ada, portal.Any, "Ada King")
		return err == nil
	})
	d, err := w.Service.Get(ctx, ada)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(workertest.Patience); ; {
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
