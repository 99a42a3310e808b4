package devicecounter

import (
	"flag"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

var update = flag.Bool("update", false, "write testdata/histories anew")

func TestHistories(t *testing.T) {
	t.Parallel()
	workertest.Replay(t, Rules(), "testdata/histories", *update)
}

func hash(s State) map[string]string {
	fields := map[string]string{"seq": "1", "recent": "x"}
	saved := save(s)
	for i := 0; i < len(saved); i += 2 {
		fields[saved[i]] = saved[i+1]
	}
	return fields
}

func TestStateIsKept(t *testing.T) {
	t.Parallel()
	odd := seated(3, "a:b", "device:", "-._")
	odd[0].DeviceName, odd[1].DeviceName, odd[2].DeviceName = "", " two  spaces ", "Mac 1767323045678 李"
	for name, s := range map[string]State{
		"never seen":       {},
		"closed":           {Generation: 3, ClosedAt: 1 << 62},
		"without a seat":   under(1, 1, 4, 0, nil),
		"a hundred seats":  under(1, 2, 100, 7, seated(3, many(100)...)),
		"unlikely devices": under(1, 1, 4, 0, odd),
	} {
		got, err := load(hash(s))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(s, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-saved +loaded):\n%s", name, diff)
		}
	}
}

func TestUsedIsTheNumberOfSeats(t *testing.T) {
	t.Parallel()
	if got := hash(under(1, 1, 4, 0, seated(3, "a", "b")))["used"]; got != "2" {
		t.Errorf("used %q, want 2", got)
	}
}

func TestDamagedStateIsNoticed(t *testing.T) {
	t.Parallel()
	for field, value := range map[string]string{
		"generation": "-1", "limit": "four", "closed": "18446744073709551615", "device:a": "mac", "device:b": "mac x name",
	} {
		fields := hash(under(1, 1, 4, 2, seated(3, "a", "b")))
		fields[field] = value
		if s, err := load(fields); err == nil {
			t.Errorf("%s %q: loaded %+v", field, value, s)
		}
	}
}

func TestRulesAreDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		workertest.Check(t, Rules(), history(t))
	})
}

// However licenses come and go, there are never more seats than the limit, no seat
// without a license, no device twice, and none under a license older than the last
// disable.
func TestNeverTooMany(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s State
		for _, e := range history(t) {
			s, _ = Decide(s, e)
			seen := map[string]bool{}
			for _, seat := range s.Devices {
				if seen[seat.DeviceID] {
					t.Fatalf("%s sits twice: %v", seat.DeviceID, s.Devices)
				}
				seen[seat.DeviceID] = true
			}
			if len(s.Devices) > s.Limit || s.LicenseID == "" && len(s.Devices) > 0 {
				t.Fatalf("%d seats of %d under license %q", len(s.Devices), s.Limit, s.LicenseID)
			}
		}
	})
}

// history is a random one of an extension: a license worker that is late now and
// then, facts that come twice, clocks that go back.
func history(t *rapid.T) []events.Recorded {
	var all []events.Recorded
	sequence, generation := uint64(0), 0
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		sequence += rapid.Uint64Range(1, 3).Draw(t, "gap")
		e := event(t, sequence, &generation)
		if events.IsFactSource(e.Source) {
			e.Time = clock(t, sequence)
		}
		if len(all) > 0 && rapid.IntRange(0, 9).Draw(t, "repeated") == 0 {
			e = all[rapid.IntRange(0, len(all)-1).Draw(t, "which")]
			e.Sequence = sequence
		}
		all = append(all, e)
	}
	return all
}

// clock is the time on a publisher's clock: now and then behind, often the same
// millisecond as another event's.
func clock(t *rapid.T, sequence uint64) time.Time {
	behind := rapid.SampledFrom([]uint64{0, 0, 1, 5, 1 << 20}).Draw(t, "behind")
	return workertest.TimeOf(sequence - min(behind, sequence)).
		Add(rapid.SampledFrom([]time.Duration{0, 0, 400 * time.Microsecond, 1999 * time.Microsecond}).Draw(t, "within"))
}

func event(t *rapid.T, sequence uint64, generation *int) events.Recorded {
	device := rapid.StringMatching(`[a-f]`).Draw(t, "device")
	switch kind := rapid.IntRange(0, 19).Draw(t, "kind"); {
	case kind == 0:
		return fact(sequence, events.SoftphoneDisabled{})
	case kind == 1:
		return fact(sequence, events.ExtensionDeleted{})
	case kind == 2:
		return revoked(sequence, sequence-1, rapid.Uint64Range(0, sequence-1).Draw(t, "of"), max(1, *generation))
	case kind <= 5:
		if rapid.Bool().Draw(t, "next") {
			*generation++
		}
		return granted(sequence, rapid.Uint64Range(0, sequence-1).Draw(t, "cause"), max(1, *generation), rapid.SampledFrom([]int{1, 2, 4, 100}).Draw(t, "limit"))
	case kind <= 8:
		return removed(sequence, device)
	default:
		return fact(sequence, events.DeviceSignedIn{
			DeviceID: device, Platform: rapid.SampledFrom([]string{"mac", "iphone", "other"}).Draw(t, "platform"),
			DeviceName: rapid.SampledFrom([]string{"", "Mac", "two words 1"}).Draw(t, "name"),
		})
	}
}
