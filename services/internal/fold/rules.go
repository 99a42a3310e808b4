package fold

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Decision is what follows from an event.
type Decision struct {
	Outcome events.Data // nil: nothing is published
	Answer  string      // the answer when there is no outcome; "" means NothingToDo
}

// Fields of a state in its Redis hash, names and values in turn. The names "seq" and "recent" are reserved.
type Fields []string

// Rules define a worker: what it reads, what it stores, what it decides.
//
// Decide must be pure: the same arguments give the same results, and what the arguments point to does not change. It
// sees every event of an extension in order, and none twice.
//
// Decide must ignore the state when the event is an events.ExtensionErased: the messages before it may be gone from the
// log, and the fold with them and without them must give the same state.
type Rules[S any] struct {
	Worker  string         // its source in the log and its part of Redis
	Inputs  []events.Input // what it reads
	Answers []events.Data  // the kinds of input whose Softphone-Reply-To it answers

	Decide func(S, events.Recorded) (S, Decision)

	Load func(map[string]string) (S, error) // not called without a stored state: that is the zero S
	Save func(S) Fields
}

// reads reports whether a message is an input of the worker.
func (r *Rules[S]) reads(m eventlog.Message) bool { return slices.Contains(r.Inputs, m.Input()) }

// answers reports whether this worker is the one that answers a message.
func (r *Rules[S]) answers(m eventlog.Message) bool {
	name := m.Name()
	return slices.ContainsFunc(r.Answers, func(d events.Data) bool { return d.EventName() == name })
}

// decide calls Decide. A panic concerns one event only: it becomes an error.
func (r *Rules[S]) decide(state S, event events.Recorded) (next S, decision Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("deciding it panicked: %v", p)
		}
	}()
	next, decision = r.Decide(state, event)
	return next, decision, nil
}

// erases reports whether the state after an event depends on this event alone.
func erases(e events.Recorded) bool {
	_, is := e.Data.(events.ExtensionErased)
	return is
}

// unknown reports whether an event is not in this program's contract. A newer worker may read it, so it is skipped.
func unknown(err error) bool { return errors.Is(err, events.ErrUnknownEvent) }
