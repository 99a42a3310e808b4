package fold

import (
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Event is what the runtime needs to know of an input.
type Event interface {
	EventID() string // unique; a repeated id is a repeated event
}

// Outcome is an event that a worker publishes.
type Outcome interface {
	EventName() string           // last token of its subject
	Subject() string             // where it is published
	Validate() error             // why it cannot be published; Encode has no other error
	Encode() ([]byte, error)     // its bytes in the log
	EncodeData() ([]byte, error) // what of it an answer carries
}

// Decision is what follows from an event.
type Decision struct {
	Outcome Outcome // nil: nothing to tell
	Answer  string  // what a caller is told when there is no outcome; "" means NothingToDo
}

// Fields of a state as they are kept in a Redis hash, names and values in turn.
// The names "seq" and "recent" are the runtime's own.
type Fields []string

// Rules are what a worker is: what it reads, what it keeps, what it decides.
//
// Decide must be pure: the same arguments, the same results, and no change to
// what its arguments point to. It sees every event of a key in order, and none
// twice.
type Rules[S any, E Event] struct {
	Worker  string           // its source in the log and its part of Redis
	Inputs  []eventlog.Input // what it reads
	Answers []string         // names of the inputs whose Softphone-Reply-To it answers

	Decode func(eventlog.Message) (E, error) // an error makes a dead letter
	Skip   func(error) bool                  // a Decode error that concerns others: no dead letter
	Decide func(S, E) (S, Decision)

	// Erases tells an event that makes a key's state a function of itself alone: Decide
	// must then look at no state, and the facts before it are not known again. The
	// messages before it may be gone from the log: what is folded with them and without
	// them must be the same. nil: there is none such.
	Erases func(E) bool

	Load func(map[string]string) (S, error) // not called for a key never seen: its state is the zero S
	Save func(S) Fields
}
