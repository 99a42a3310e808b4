package license

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

var (
	fact = workertest.Fact

	ada = events.SoftphoneEnabled{Email: "ada@acme.example", Username: "ada", DisplayName: "Ada Lovelace", Locale: "en-GB"}
	bob = events.SoftphoneEnabled{Email: "bob@acme.example", Username: "bob", DisplayName: "Bob", DeviceLimit: 7}
)

// granted is the state after a license was granted on a fact.
func granted(sequence uint64, generation, limit int, asked events.SoftphoneEnabled) State {
	return State{
		Active: true, LicenseID: workertest.IDOf(sequence), Generation: generation, DeviceLimit: limit,
		Email: asked.Email, Username: asked.Username, DisplayName: asked.DisplayName, Locale: asked.Locale,
		GrantedAt: workertest.TimeOf(sequence),
	}
}

func (s State) revoked() State { s.Active = false; return s }

func (s State) at(email string) State { s.Email = email; return s }

func (s State) grant() events.LicenseGranted {
	return events.LicenseGranted{
		LicenseID: s.LicenseID, Generation: s.Generation, DeviceLimit: s.DeviceLimit,
		Email: s.Email, Username: s.Username, DisplayName: s.DisplayName, Locale: s.Locale,
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	first := granted(1, 1, 4, ada)
	tests := map[string]struct {
		state  State
		event  events.Recorded
		then   State
		told   events.Data
		answer string
	}{
		"enabled, never had one: the first license, of 4 devices": {
			event: fact(1, ada), then: first, told: first.grant(),
		},
		"enabled with a limit of its own": {
			event: fact(1, bob), then: granted(1, 1, 7, bob), told: granted(1, 1, 7, bob).grant(),
		},
		"the least limit": {
			event: fact(1, limit(1)), then: granted(1, 1, 1, limit(1)), told: granted(1, 1, 1, limit(1)).grant(),
		},
		"the highest limit": {
			event: fact(1, limit(100)), then: granted(1, 1, 100, limit(100)), told: granted(1, 1, 100, limit(100)).grant(),
		},
		"enabled after it was revoked: the next generation, with what is asked now": {
			state: first.revoked(), event: fact(9, bob), then: granted(9, 2, 7, bob), told: granted(9, 2, 7, bob).grant(),
		},
		"enabled while active: nothing, whatever is asked": {
			state: first, event: fact(9, bob), then: first, answer: events.AlreadyEnabled,
		},
		"the very event that granted it, again": {
			state: first, event: again(9, 1, ada), then: first, answer: events.AlreadyEnabled,
		},
		"the very event that granted it, again after it was revoked: stays revoked": {
			state: first.revoked(), event: again(9, 1, ada), then: first.revoked(), answer: events.AlreadyEnabled,
		},
		"disabled": {
			state: first, event: fact(5, events.SoftphoneDisabled{Reason: "left"}), then: first.revoked(),
			told: events.LicenseRevoked{LicenseID: first.LicenseID, Generation: 1, Reason: "left"},
		},
		"disabled without a reason": {
			state: first, event: fact(5, events.SoftphoneDisabled{}), then: first.revoked(),
			told: events.LicenseRevoked{LicenseID: first.LicenseID, Generation: 1},
		},
		"disabled, never had one": {event: fact(5, events.SoftphoneDisabled{})},
		"disabled again":          {state: first.revoked(), event: fact(5, events.SoftphoneDisabled{}), then: first.revoked()},
		"deleted": {
			state: first, event: fact(5, events.ExtensionDeleted{}), then: first.revoked(),
			told: events.LicenseRevoked{LicenseID: first.LicenseID, Generation: 1, Reason: ReasonExtensionDeleted},
		},
		"deleted, never had one":       {event: fact(5, events.ExtensionDeleted{})},
		"deleted after it was revoked": {state: first.revoked(), event: fact(5, events.ExtensionDeleted{}), then: first.revoked()},
		"another address: the same license, of the same generation": {
			state: first, event: fact(5, events.SoftphoneEmailChanged{Email: "ada@new.example"}), then: first.at("ada@new.example"),
			told: events.LicenseEmailChanged{LicenseID: first.LicenseID, Generation: 1, Email: "ada@new.example", PreviousEmail: ada.Email},
		},
		"the same address is no change": {
			state: first, event: fact(5, events.SoftphoneEmailChanged{Email: ada.Email}), then: first,
		},
		"an address in other letters is another one": {
			state: first, event: fact(5, events.SoftphoneEmailChanged{Email: "Ada@acme.example"}), then: first.at("Ada@acme.example"),
			told: events.LicenseEmailChanged{LicenseID: first.LicenseID, Generation: 1, Email: "Ada@acme.example", PreviousEmail: ada.Email},
		},
		"another address, never had one": {event: fact(5, events.SoftphoneEmailChanged{Email: "ada@new.example"})},
		"another address after it was revoked: what is revoked stays as it was": {
			state: first.revoked(), event: fact(5, events.SoftphoneEmailChanged{Email: "ada@new.example"}), then: first.revoked(),
		},
		"enabled again after another address: with the one that is asked now": {
			state: first.at("ada@new.example").revoked(), event: fact(9, bob), then: granted(9, 2, 7, bob), told: granted(9, 2, 7, bob).grant(),
		},
		"an event it has no rule for":     {state: first, event: fact(5, events.ExtensionRenamed{Name: "Ada"}), then: first},
		"a sign-in is of no concern here": {state: first, event: fact(5, events.DeviceSignedIn{DeviceID: "a"}), then: first},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Decision{Answer: test.answer}
			if test.told != nil {
				want.Outcome = test.told
			}
			then, decision := Decide(test.state, test.event)
			if diff := cmp.Diff(test.then, then); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, decision); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
}

// A license's id is the id of the event that asked for it, and its outcome's id and
// time derive from that event alone.
func TestOutcomeDerivesFromItsCause(t *testing.T) {
	t.Parallel()
	_, decision := Decide(State{}, fact(1, ada))
	outcome := events.NewOutcome(events.License, fact(1, ada).Event, decision.Outcome)
	if got := outcome.Data.(events.LicenseGranted).LicenseID; got != workertest.IDOf(1) {
		t.Errorf("license %s, want the id of its event %s", got, workertest.IDOf(1))
	}
	if !outcome.Time.Equal(workertest.TimeOf(1)) {
		t.Errorf("time %s, want the cause's %s", outcome.Time, workertest.TimeOf(1))
	}
	_, same := Decide(State{}, fact(1, ada))
	if id := events.NewOutcome(events.License, fact(1, ada).Event, same.Outcome).ID; id != outcome.ID {
		t.Errorf("ids %s and %s of one decision", outcome.ID, id)
	}
}

func limit(n int) events.SoftphoneEnabled {
	asked := ada
	asked.DeviceLimit = n
	return asked
}

// again is a fact that is in the log a second time, at another sequence.
func again(sequence, first uint64, d events.Data) events.Recorded {
	e := fact(first, d)
	e.Sequence = sequence
	return e
}
