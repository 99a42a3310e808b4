package namesync

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

var fact = workertest.Fact

func TestDecide(t *testing.T) {
	t.Parallel()
	ada := State{Name: "Ada", Sequence: 3}
	enabled := events.SoftphoneEnabled{Email: "a@acme.example", Username: "ada", DisplayName: "Ada Lovelace"}
	tests := map[string]struct {
		state State
		event events.Recorded
		then  State
		told  events.Data
	}{
		"enabled: the display name, nothing to tell": {
			event: fact(1, enabled), then: State{Name: "Ada Lovelace", Sequence: 1},
		},
		"enabled again: what it is called now": {
			state: ada, event: fact(9, enabled), then: State{Name: "Ada Lovelace", Sequence: 9},
		},
		"renamed": {
			state: ada, event: fact(9, events.ExtensionRenamed{Name: "Ada King"}), then: State{Name: "Ada King", Sequence: 9},
			told: events.SoftphoneRenamed{Name: "Ada King"},
		},
		"renamed, never enabled": {
			event: fact(9, events.ExtensionRenamed{Name: "Ada King"}), then: State{Name: "Ada King", Sequence: 9},
			told: events.SoftphoneRenamed{Name: "Ada King"},
		},
		"renamed to what it is called: told all the same, for it is newer": {
			state: ada, event: fact(9, events.ExtensionRenamed{Name: "Ada"}), then: State{Name: "Ada", Sequence: 9},
			told: events.SoftphoneRenamed{Name: "Ada"},
		},
		"deleted: no name": {
			state: ada, event: fact(9, events.ExtensionDeleted{}),
		},
		"deleted, never seen": {
			event: fact(9, events.ExtensionDeleted{}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := Decision{}
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
