package namesync

import (
	"github.com/mycloudpbx/softphone/events"
)

// Decide names softphones. It is pure. Events come in the order of the log, so
// each name is newer than the one before it.
func Decide(_ State, e events.Recorded) (State, Decision) {
	switch data := e.Data.(type) {
	case events.SoftphoneEnabled:
		return State{Name: data.DisplayName, Sequence: e.Sequence}, Decision{}
	case events.ExtensionRenamed:
		return State{Name: data.Name, Sequence: e.Sequence},
			Decision{Outcome: events.SoftphoneRenamed{Name: data.Name}}
	}
	return State{}, Decision{} // ExtensionDeleted, ExtensionErased: nothing is shown any more
}
