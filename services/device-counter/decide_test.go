package devicecounter

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

var fact = workertest.Fact

// granted is LicenseGranted as the log has it: the license of the SoftphoneEnabled
// at cause.
func granted(sequence, cause uint64, generation, limit int) events.Recorded {
	return workertest.Said(events.License, sequence, cause, events.LicenseGranted{
		LicenseID: workertest.IDOf(cause), Generation: generation, DeviceLimit: limit,
		Email: "ada@acme.example", Username: "ada", DisplayName: "Ada",
	})
}

// revoked is LicenseRevoked of the license enabled at a sequence.
func revoked(sequence, cause, enabled uint64, generation int) events.Recorded {
	return workertest.Said(events.License, sequence, cause, events.LicenseRevoked{LicenseID: workertest.IDOf(enabled), Generation: generation})
}

func signedIn(sequence uint64, device string) events.Recorded {
	return fact(sequence, events.DeviceSignedIn{DeviceID: device, Platform: events.PlatformMac, DeviceName: "a Mac", AppVersion: "1.2"})
}

func removed(sequence uint64, device string) events.Recorded {
	return fact(sequence, events.DeviceRemoved{DeviceID: device})
}

// seated are devices by the sequence at which each took its seat.
func seated(from uint64, devices ...string) Devices {
	var all Devices
	for i, id := range devices {
		all = append(all, events.Seat{
			DeviceID: id, Platform: events.PlatformMac, DeviceName: "a Mac", ActivatedAt: workertest.TimeOf(from + uint64(i)),
		})
	}
	return all
}

// under is the state under the license enabled at a sequence.
func under(enabled uint64, generation, limit int, closedAt uint64, devices Devices) State {
	return State{LicenseID: workertest.IDOf(enabled), Generation: generation, Limit: limit, ClosedAt: closedAt, Devices: devices}
}

// told are the outcomes, as a test expects them.
func activated(enabled uint64, device string, used, limit int) events.Data {
	return events.DeviceActivated{
		LicenseID: workertest.IDOf(enabled), DeviceID: device, Platform: events.PlatformMac, DeviceName: "a Mac", Used: used, Limit: limit,
	}
}

func full(enabled uint64, device string, limit int, listed Devices) events.Data {
	return events.DeviceActivationLimitReached{
		LicenseID: workertest.IDOf(enabled), DeviceID: device, Platform: events.PlatformMac, DeviceName: "a Mac",
		Used: limit, Limit: limit, Devices: listed,
	}
}

func refused(device string) events.Data {
	return events.DeviceSignInRefused{DeviceID: device, Reason: events.ReasonNotLicensed}
}

func deactivated(enabled uint64, device string, used, limit int) events.Data {
	return events.DeviceDeactivated{LicenseID: workertest.IDOf(enabled), DeviceID: device, Used: used, Limit: limit}
}

func many(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("d%03d", i))
	}
	return all
}

// test is one row of the rules.
type test struct {
	state  State
	event  events.Recorded
	then   State
	told   events.Data
	answer string
}

func TestLicenses(t *testing.T) {
	t.Parallel()
	two := under(1, 1, 4, 0, seated(3, "a", "b"))
	run(t, map[string]test{
		"the first license": {
			event: granted(2, 1, 1, 4), then: under(1, 1, 4, 0, nil),
		},
		"a later license: the count is zero, the limit its own": {
			state: two, event: granted(9, 8, 2, 7), then: under(8, 2, 7, 0, nil),
		},
		"a later license after a disable": {
			state: State{Generation: 1, ClosedAt: 7}, event: granted(9, 8, 2, 4), then: under(8, 2, 4, 7, nil),
		},
		"the same license again: nothing": {
			state: two, event: granted(9, 1, 1, 4), then: two,
		},
		"an older generation: nothing": {
			state: under(8, 2, 4, 0, seated(9, "a")), event: granted(10, 1, 1, 4), then: under(8, 2, 4, 0, seated(9, "a")),
		},
		"caused before the last disable: nobody is in": {
			state: State{Generation: 1, ClosedAt: 7}, event: granted(9, 6, 2, 4), then: State{Generation: 1, ClosedAt: 7},
		},
		"caused by what disabled, which cannot be: nobody is in": {
			state: State{Generation: 1, ClosedAt: 7}, event: granted(9, 7, 2, 4), then: State{Generation: 1, ClosedAt: 7},
		},
		"caused before the first disable of an extension never licensed": {
			state: State{ClosedAt: 7}, event: granted(9, 6, 1, 4), then: State{ClosedAt: 7},
		},
		"disabled: nobody is in from here on": {
			state: two, event: fact(7, events.SoftphoneDisabled{}), then: State{Generation: 1, ClosedAt: 7},
		},
		"disabled again: later licenses only": {
			state: State{Generation: 1, ClosedAt: 7}, event: fact(9, events.SoftphoneDisabled{}), then: State{Generation: 1, ClosedAt: 9},
		},
		"disabled, never licensed": {
			event: fact(7, events.SoftphoneDisabled{}), then: State{ClosedAt: 7},
		},
		"deleted: nobody is in from here on": {
			state: two, event: fact(7, events.ExtensionDeleted{}), then: State{Generation: 1, ClosedAt: 7},
		},
		"the current license is revoked": {
			state: two, event: revoked(9, 8, 1, 1), then: State{Generation: 1},
		},
		"an older license is revoked late: nothing": {
			state: under(8, 2, 4, 7, seated(9, "a")), event: revoked(10, 7, 1, 1), then: under(8, 2, 4, 7, seated(9, "a")),
		},
		"revoked after the disable that caused it": {
			state: State{Generation: 1, ClosedAt: 7}, event: revoked(9, 7, 1, 1), then: State{Generation: 1, ClosedAt: 7},
		},
		"an event it has no rule for": {
			state: two, event: fact(9, events.ExtensionRenamed{Name: "Ada"}), then: two,
		},
	})
}

func TestSignIns(t *testing.T) {
	t.Parallel()
	four := seated(3, "a", "b", "c", "d")
	run(t, map[string]test{
		"never licensed": {
			event: signedIn(5, "a"), told: refused("a"),
		},
		"after a disable": {
			state: State{Generation: 1, ClosedAt: 4}, event: signedIn(5, "a"), then: State{Generation: 1, ClosedAt: 4}, told: refused("a"),
		},
		"the first device": {
			state: under(1, 1, 4, 0, nil), event: signedIn(5, "a"), then: under(1, 1, 4, 0, seated(5, "a")), told: activated(1, "a", 1, 4),
		},
		"the last seat": {
			state: under(1, 1, 4, 0, four[:3]), event: signedIn(6, "d"), then: under(1, 1, 4, 0, four), told: activated(1, "d", 4, 4),
		},
		"one too many: nothing is used up": {
			state: under(1, 1, 4, 0, four), event: signedIn(9, "e"), then: under(1, 1, 4, 0, four), told: full(1, "e", 4, four),
		},
		"known, on a full license": {
			state: under(1, 1, 4, 0, four), event: signedIn(9, "c"), then: under(1, 1, 4, 0, four), answer: events.DeviceRecognized,
		},
		"known, again: nothing, not even its name": {
			state: under(1, 1, 4, 0, four[:1]), then: under(1, 1, 4, 0, four[:1]), answer: events.DeviceRecognized,
			event: fact(9, events.DeviceSignedIn{DeviceID: "a", Platform: events.PlatformOther, DeviceName: "renamed"}),
		},
		"ids are compared as they are": {
			state: under(1, 1, 4, 0, four[:1]), event: signedIn(4, "A"), then: under(1, 1, 4, 0, seated(3, "a", "A")), told: activated(1, "A", 2, 4),
		},
		"a limit of one": {
			state: under(1, 1, 1, 0, four[:1]), event: signedIn(9, "b"), then: under(1, 1, 1, 0, four[:1]), told: full(1, "b", 1, four[:1]),
		},
		"ten seats are listed": {
			state: under(1, 1, 10, 0, seated(3, many(10)...)), event: signedIn(90, "e"), then: under(1, 1, 10, 0, seated(3, many(10)...)),
			told: full(1, "e", 10, seated(3, many(10)...)),
		},
		"of eleven seats the oldest ten are listed": {
			state: under(1, 1, 11, 0, seated(3, many(11)...)), event: signedIn(90, "e"), then: under(1, 1, 11, 0, seated(3, many(11)...)),
			told: full(1, "e", 11, seated(3, many(10)...)),
		},
		"the hundredth device of a hundred": {
			state: under(1, 1, 100, 0, seated(3, many(99)...)), event: signedIn(102, "d099"), then: under(1, 1, 100, 0, seated(3, many(100)...)),
			told: activated(1, "d099", 100, 100),
		},
		"the hundred and first": {
			state: under(1, 1, 100, 0, seated(3, many(100)...)), event: signedIn(200, "e"), then: under(1, 1, 100, 0, seated(3, many(100)...)),
			told: full(1, "e", 100, seated(3, many(10)...)),
		},
		"a clock that runs behind: seats are in the order of time, then of id": {
			state: under(1, 1, 4, 0, seated(3, "a", "b")), event: at(signedIn(9, "0"), 4), then: under(1, 1, 4, 0, Devices{
				seated(3, "a")[0], seated(4, "0")[0], seated(4, "b")[0],
			}), told: activated(1, "0", 3, 4),
		},
		"the same moment, a later id": {
			state: under(1, 1, 4, 0, seated(3, "a", "b")), event: at(signedIn(9, "c"), 4), then: under(1, 1, 4, 0, Devices{
				seated(3, "a")[0], seated(4, "b")[0], seated(4, "c")[0],
			}), told: activated(1, "c", 3, 4),
		},
	})
}

func TestRemovals(t *testing.T) {
	t.Parallel()
	four := seated(3, "a", "b", "c", "d")
	run(t, map[string]test{
		"a seat becomes free": {
			state: under(1, 1, 4, 0, four), event: removed(9, "b"),
			then: under(1, 1, 4, 0, Devices{four[0], four[2], four[3]}), told: deactivated(1, "b", 3, 4),
		},
		"the last one": {
			state: under(1, 1, 4, 2, four[:1]), event: removed(9, "a"), then: under(1, 1, 4, 2, Devices{}), told: deactivated(1, "a", 0, 4),
		},
		"a device that has no seat": {
			state: under(1, 1, 4, 0, four), event: removed(9, "e"), then: under(1, 1, 4, 0, four),
		},
		"never licensed": {event: removed(9, "a")},
		"after a disable": {
			state: State{Generation: 1, ClosedAt: 4}, event: removed(9, "a"), then: State{Generation: 1, ClosedAt: 4},
		},
	})
}

func run(t *testing.T, tests map[string]test) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Decision{Answer: test.answer}
			if test.told != nil {
				want.Outcome = test.told
			}
			before := slices.Clone(test.state.Devices)
			then, decision := Decide(test.state, test.event)
			if diff := cmp.Diff(test.then, then); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, decision); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, test.state.Devices); diff != "" {
				t.Errorf("the state before was changed (-was +is):\n%s", diff)
			}
		})
	}
}

// at is an event with the time of another sequence.
func at(e events.Recorded, sequence uint64) events.Recorded {
	e.Time = workertest.TimeOf(sequence)
	return e
}

// Two decisions on one state must not see each other: a slice with room to grow
// would let the second overwrite the first one's seat.
func TestDecisionsOnOneStateAreApart(t *testing.T) {
	t.Parallel()
	room := append(make(Devices, 0, 16), seated(3, "a", "b")...)
	s := under(1, 1, 4, 0, room)
	one, _ := Decide(s, signedIn(5, "one"))
	two, _ := Decide(s, signedIn(5, "two"))
	gone, _ := Decide(s, removed(6, "a"))
	for want, got := range map[string]Devices{
		"a b one": one.Devices, "a b two": two.Devices, "b": gone.Devices, "a b": s.Devices,
	} {
		if ids := names(got); ids != want {
			t.Errorf("seats of %s, want %s", ids, want)
		}
	}
}

func names(d Devices) string {
	var ids []string
	for _, seat := range d {
		ids = append(ids, seat.DeviceID)
	}
	return strings.Join(ids, " ")
}
