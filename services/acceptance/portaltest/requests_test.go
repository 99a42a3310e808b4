package portaltest_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// mostRequests is how many requests to the log a sign-in makes before it publishes or is
// answered, with those that the device counter makes for it: one for the credential, one for
// the extension's last event, one for whether the log's leader is in touch.
const mostRequests = 3

// A sign-in asks the log at most three times, of a device that is known and of a new one.
func TestSignInAsksLittle(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	if _, err := signIn(t, w, e.Username, e.Password, "known"); err != nil {
		t.Fatal(err)
	}
	seen := listen(t, w)
	for _, c := range []struct {
		what    string
		devices []string
	}{
		{"a known device", slices.Repeat([]string{"known"}, 5)},
		{"a new device", []string{"d2", "d3", "d4"}},
	} {
		var counts []int
		for _, device := range c.devices {
			workertest.Settled(t, w.World, portal.ViewRules())
			workertest.Settled(t, w.World, devicecounter.Rules())
			seen.clear()
			if _, err := signIn(t, w, e.Username, e.Password, device); err != nil {
				t.Fatal(err)
			}
			counts = append(counts, seen.beforeTheFact())
		}
		slices.Sort(counts)
		// The workers look at the log by themselves every three seconds: the median has none of that.
		if n := counts[len(counts)/2]; n > mostRequests {
			t.Errorf("%s: %d requests to the log, want at most %d:\n%s", c.what, n, mostRequests, seen)
		}
	}
}

// heard are the subjects of what is sent, in order.
type heard struct {
	nc *nats.Conn
	mu sync.Mutex
	on []string
}

// listen hears everything that is sent from now on.
func listen(t *testing.T, w *portaltest.World) *heard {
	t.Helper()
	nc, err := nats.Connect(w.NATS.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	h := &heard{nc: nc}
	for _, subject := range []string{"$JS.API.>", events.APIPrefix + ".>", "softphone.>"} {
		if _, err := nc.Subscribe(subject, func(m *nats.Msg) { h.mu.Lock(); defer h.mu.Unlock(); h.on = append(h.on, m.Subject) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *heard) clear() {
	_ = h.nc.Flush()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on = nil
}

// beforeTheFact counts what the log was asked until a device's sign-in was published, or until
// now.
func (h *heard) beforeTheFact() (n int) {
	_ = h.nc.Flush()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, subject := range h.on {
		switch {
		case strings.HasSuffix(subject, "."+events.DeviceSignedIn{}.EventName()) && strings.HasPrefix(subject, "softphone."):
			return n
		case strings.Contains(subject, ".MSG.GET."), strings.Contains(subject, ".DIRECT.GET."), strings.Contains(subject, ".STREAM.INFO."):
			n++
		}
	}
	return n
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.on, "\n")
}

// The view knows which events the device counter reads: by the last of those the portal tells
// whether an answer of the counter is current.
func TestViewKnowsWhatIsCounted(t *testing.T) {
	t.Parallel()
	for _, d := range events.All() {
		read := slices.ContainsFunc(devicecounter.Rules().Inputs, func(i events.Input) bool { return i.Name == d.EventName() })
		if noted := counted(portal.ViewRules(), d); noted != read {
			t.Errorf("device-counter reads %s: %t; and for the portal's view it does: %t", d.EventName(), read, noted)
		}
	}
}

// counted tells whether the rules keep that an event is the last that is counted.
func counted[S any](rules fold.Rules[S], d events.Data) bool {
	var none S
	next, _ := rules.Decide(none, events.Recorded{Sequence: 7, Event: events.Event{Data: d}})
	return slices.Contains(rules.Save(next), "counted")
}
