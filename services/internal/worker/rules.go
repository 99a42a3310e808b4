package worker

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Rules of a worker that reads events of the contract.
type Rules[S any] = fold.Rules[S, events.Recorded]

// Key of an extension in the log.
func Key(x events.Extension) eventlog.Key { return eventlog.Key(x.Tenant + "." + x.Number) }

// Decode reads an event of the contract and its place in the log.
func Decode(m eventlog.Message) (events.Recorded, error) {
	event, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return events.Recorded{}, err
	}
	recorded := events.Recorded{Event: event, Sequence: m.Sequence}
	if events.IsFactSource(event.Source) || event.Source == events.Operator {
		return recorded, nil
	}
	cause := m.Header.Get(events.HeaderCause)
	recorded.Cause, err = strconv.ParseUint(cause, 10, 64)
	if err != nil || recorded.Cause >= m.Sequence {
		return events.Recorded{}, fmt.Errorf("header %s: %.40q is not the sequence of an earlier event", events.HeaderCause, cause)
	}
	return recorded, nil
}

// Erased tells the event after which an extension begins anew, see fold.Rules.
func Erased(e events.Recorded) bool {
	_, is := e.Data.(events.ExtensionErased)
	return is
}

// Skip tells the events that other workers know and this one does not.
func Skip(err error) bool { return errors.Is(err, events.ErrUnknownEvent) }

// Tell is the decision that a worker says something of an event.
func Tell(worker string, cause events.Recorded, data events.Data) fold.Decision {
	return fold.Decision{Outcome: events.NewOutcome(worker, cause.Event, data)}
}
