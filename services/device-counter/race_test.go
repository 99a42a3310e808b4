package devicecounter

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// racers are extensions whose softphone is enabled and disabled again and again
// while their devices sign in, with a license worker that is late.
type racers struct {
	t *testing.T
	w *workertest.World
}

const (
	rounds   = 40
	quick    = 60 * time.Millisecond // at most, between two clicks
	sluggish = 35 * time.Millisecond // at most, until the license worker says something of one
)

func pause(atMost time.Duration) { time.Sleep(rand.N(atMost)) }

// race runs one extension and returns when all is published.
func (r *racers) race(x events.Extension) {
	said := make(chan *nats.Msg, 2*rounds)
	over := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(said)
		r.click(x, said)
	})
	all.Go(func() {
		defer close(over)
		for m := range said {
			pause(sluggish)
			r.w.Store(m)
		}
	})
	all.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				r.w.Publish(knock(x, "device-"+strconv.Itoa(rand.IntN(8))))
			}
		}
	})
	all.Wait()
}

// click enables and disables, and ends enabled.
func (r *racers) click(x events.Extension, said chan<- *nats.Msg) {
	for generation := 1; ; generation++ {
		enabled := events.NewFact(x, events.SoftphoneEnabled{Email: "ada@acme.example", Username: "ada", DisplayName: "Ada"})
		said <- workertest.Outcome(r.t, events.License, enabled, r.w.Publish(enabled), events.LicenseGranted{
			LicenseID: enabled.ID, Generation: generation, DeviceLimit: 4, Email: "ada@acme.example", Username: "ada", DisplayName: "Ada",
		})
		pause(quick)
		if generation == rounds {
			return
		}
		disabled := events.NewFact(x, events.SoftphoneDisabled{})
		said <- workertest.Outcome(r.t, events.License, disabled, r.w.Publish(disabled), events.LicenseRevoked{
			LicenseID: enabled.ID, Generation: generation,
		})
		pause(quick)
	}
}

// past is what the log says of one extension.
type past struct {
	enabled, granted map[string]uint64 // by license, the sequence
	disabled         []uint64
	activated        map[string]map[string]uint64 // by license and device, the sequence of the sign-in
	said             map[string]int               // outcomes of device-counter, by name
	overtaken        int                          // licenses granted when they were disabled already
}

func (r *racers) past() map[events.Extension]*past {
	all := map[events.Extension]*past{}
	for _, m := range r.w.Messages(events.Stream, "log.>") {
		e, err := events.Decode(m.Subject(), m.Data())
		if err != nil {
			r.t.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			r.t.Fatal(err)
		}
		p := all[e.Extension]
		if p == nil {
			p = &past{enabled: map[string]uint64{}, granted: map[string]uint64{}, activated: map[string]map[string]uint64{}, said: map[string]int{}}
			all[e.Extension] = p
		}
		cause, _ := strconv.ParseUint(m.Headers().Get(events.HeaderCause), 10, 64)
		p.add(e, meta.Sequence.Stream, cause)
	}
	return all
}

func (p *past) add(e events.Event, sequence, cause uint64) {
	switch d := e.Data.(type) {
	case events.SoftphoneEnabled:
		p.enabled[e.ID] = sequence
	case events.SoftphoneDisabled:
		p.disabled = append(p.disabled, sequence)
	case events.LicenseGranted:
		p.granted[d.LicenseID] = sequence
		if p.closedBetween(cause, sequence) {
			p.overtaken++
		}
	case events.DeviceActivated:
		if p.activated[d.LicenseID] == nil {
			p.activated[d.LicenseID] = map[string]uint64{}
		}
		p.activated[d.LicenseID][d.DeviceID] = cause
	}
	if e.Source == events.DeviceCounter {
		p.said[e.EventName()]++
	}
}

func (p *past) closedBetween(from, to uint64) bool {
	for _, at := range p.disabled {
		if from < at && at < to {
			return true
		}
	}
	return false
}

// Sign-ins race with disable and enable, and the license worker is late: no device
// that signed in before a license was granted, or after it ended, sits in it.
func TestSignInsRaceDisableAndEnable(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a")
	start(w, "b")
	w.Shares(events.DeviceCounter, "a", "b")
	r := &racers{t: t, w: w}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() { r.race(workertest.Nth(i)) })
	}
	all.Wait()
	workertest.Settled(t, w, Rules())

	said, overtaken := map[string]int{}, 0
	for x, p := range r.past() {
		for license, devices := range p.activated {
			if len(devices) > 4 {
				t.Errorf("%s: %d devices under license %s", x, len(devices), license)
			}
			for device, signedIn := range devices {
				if signedIn < p.granted[license] || p.closedBetween(p.enabled[license], signedIn) {
					t.Errorf("%s: %s signed in at %d and sits in a license granted at %d (enabled at %d, disabled at %v)",
						x, device, signedIn, p.granted[license], p.enabled[license], p.disabled)
				}
			}
		}
		now := get(w, x)
		if seats := p.activated[now.LicenseID]; !now.Current || now.Used != len(seats) {
			t.Errorf("%s: %+v, the log says %v", x, now, seats)
		}
		if p.enabled[now.LicenseID] < p.disabled[len(p.disabled)-1] {
			t.Errorf("%s: the license %s is not the last one", x, now.LicenseID)
		}
		for name, n := range p.said {
			said[name] += n
		}
		overtaken += p.overtaken
	}
	t.Logf("%v; %d licenses were granted when they were disabled already", said, overtaken)
	for _, name := range []string{"DeviceActivated", "DeviceSignInRefused", "DeviceActivationLimitReached"} {
		if said[name] == 0 {
			t.Errorf("nobody was told %s: there was no race", name)
		}
	}
	if overtaken == 0 {
		t.Error("the license worker was never late: there was no race")
	}
}
