package portal

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
)

// Whatever happens, and however late the license worker is, the view's row says of an extension
// what its last events in the log say: the license and the password in force, and the name.
func TestStandingIsWhatTheLogSays(t *testing.T) {
	t.Parallel()
	inForce, reset := 0, 0
	for seed := range uint64(3000) {
		h := history{random: rand.New(rand.NewPCG(1, seed)), last: said{}}
		for range 25 {
			h.next()
			read, kept := conclude(0, h.last).standing(), viewed{}
			kept.State, read.counted = h.row, &events.Position{Sequence: h.counted}
			if read.license.id == "" {
				read.granted = 0
			} else if inForce++; read.credential != read.license.id {
				reset++
			}
			if diff := cmp.Diff(read, kept.standing(events.Position{}), cmp.AllowUnexported(standing{}, license{})); diff != "" {
				t.Fatalf("seed %d, after %s (-log +view):\n%s", seed, h.text, diff)
			}
		}
	}
	if inForce < 1000 || reset < 100 {
		t.Errorf("a license was in force %d times, %d of them with another password: nothing was compared", inForce, reset)
	}
}

// history is a log of one extension, with a license worker that is late.
type history struct {
	random   *rand.Rand
	sequence uint64
	row      row
	last     said
	counted  uint64 // of the last event that the device counter reads
	text     string

	waiting []events.Recorded // for the license worker
	active  string
}

// next is a fact, or what the license worker says of the oldest that waits for it.
func (h *history) next() {
	if len(h.waiting) > 0 && h.random.IntN(2) == 0 {
		h.license(h.waiting[0])
		h.waiting = h.waiting[1:]
		return
	}
	name := fmt.Sprint("name ", h.sequence)
	facts := []events.Data{
		events.ExtensionRenamed{Name: name}, events.ExtensionDeleted{}, events.SoftphoneDisabled{},
		events.SoftphoneEnabled{Email: "a@example.com", Username: "1001@acme", DisplayName: name, DeviceLimit: h.random.IntN(9)},
		events.SoftphoneEnabled{Email: "b@example.com", Username: "1001@acme", DisplayName: name},
		events.SoftphonePasswordReset{}, events.SoftphonePasswordReset{}, events.DeviceRemoved{DeviceID: "d"},
		events.DeviceSignedIn{DeviceID: "d"}, events.WelcomeEmailRequested{},
	}
	h.waiting = append(h.waiting, h.store(facts[h.random.IntN(len(facts))], 0))
}

func (h *history) license(fact events.Recorded) {
	switch d := fact.Data.(type) {
	case events.SoftphoneEnabled:
		if h.active == "" {
			h.active = fact.ID
			h.store(events.LicenseGranted{LicenseID: fact.ID, DeviceLimit: d.DeviceLimit, Email: d.Email, Username: d.Username}, fact.Sequence)
		}
	case events.SoftphoneDisabled, events.ExtensionDeleted:
		if h.active != "" {
			h.store(events.LicenseRevoked{LicenseID: h.active}, fact.Sequence)
			h.active = ""
		}
	}
}

func (h *history) store(d events.Data, cause uint64) events.Recorded {
	h.sequence++
	e := events.Recorded{Sequence: h.sequence, Cause: cause, Event: events.Event{
		ID: fmt.Sprint("fact-", h.sequence), Source: events.SourcesOf(d.EventName())[0], Data: d, Time: time.UnixMilli(int64(h.sequence)),
	}}
	h.last[d.EventName()] = entry{Recorded: e}
	h.row, _ = decide(h.row, e)
	switch d.EventName() {
	case "LicenseGranted", "LicenseRevoked", "SoftphoneDisabled", "ExtensionDeleted", "DeviceSignedIn", "DeviceRemoved":
		h.counted = h.sequence
	}
	h.text += fmt.Sprintf(" %d:%s", h.sequence, d.EventName())
	if cause > 0 {
		h.text += fmt.Sprintf("(%d)", cause)
	}
	return e
}

// A row comes back from Redis as it went there.
func TestRowIsKept(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		h := history{random: rand.New(rand.NewPCG(2, seed)), last: said{}}
		for range 10 {
			h.next()
			fields := map[string]string{}
			saved := save(h.row)
			for i := 0; i < len(saved); i += 2 {
				fields[saved[i]] = saved[i+1]
			}
			got, err := load(fields)
			want := h.row
			want.Mail.At, got.Mail.At = time.Time{}, time.Time{}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("%v (-before +after):\n%s", err, diff)
			}
		}
	}
}
