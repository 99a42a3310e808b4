package react

import (
	"errors"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Permanent says that an event can never be handled: it becomes a dead letter.
func Permanent(err error) error { return &verdict{err, buried, 0} }

// Pause says that the far side is away or refuses us, whatever the event.
func Pause(err error) error { return &verdict{err, paused, 0} }

// Later says that an event was not tried, and should be after a while: it is not
// its turn. Nothing failed, and nothing is counted.
func Later(err error, after time.Duration) error { return &verdict{err, deferred, after} }

// NotYet is Later for an event of which the far side itself said that: it is not away.
func NotYet(err error, after time.Duration) error { return &verdict{err, notYet, after} }

// Aside says that an event is done and that the far side was not asked: it counts
// as handled, and says nothing of whether a pause is over.
func Aside() error { return &verdict{error: errAside, outcome: aside} }

// Done says whether a handler's result ends the event.
func Done(err error) bool {
	result, _ := judge(err)
	return result == handled || result == aside
}

var errAside = errors.New("done without asking the far side")

// verdict is an error that the runtime does more with than trying again.
type verdict struct {
	error
	outcome outcome
	after   time.Duration // of Later and NotYet
}

func (v *verdict) Unwrap() error { return v.error }

// outcome is what becomes of a delivery. Its values are label values of metrics.
type outcome string

const (
	handled   outcome = "handled"
	aside     outcome = "aside" // becomes handled
	buried    outcome = "dead_letter"
	paused    outcome = "paused"
	postponed outcome = "retry"
	deferred  outcome = "deferred"
	notYet    outcome = "not_yet" // becomes deferred
	givenUp   outcome = "given_up"
)

// Until when an event waits of which the log cannot say what holds. The read was tried
// again for a second before.
const (
	behindDelay  = 2 * time.Second
	missingDelay = 30 * time.Second
)

// judge is the one place that decides what a handler's result means, and how long an
// event is to wait that is deferred.
func judge(err error) (outcome, time.Duration) {
	var v *verdict
	switch {
	case err == nil:
		return handled, 0
	case errors.Is(err, eventlog.ErrBehind):
		return deferred, behindDelay
	case errors.Is(err, eventlog.ErrMissing):
		return deferred, missingDelay
	case errors.As(err, &v):
		return v.outcome, v.after
	default:
		return postponed, 0
	}
}

// Refusal says that the log is not the one this durable has worked on. Nothing
// is taken from it until an operator has decided.
type Refusal struct {
	Durable string
	Log     string // what the log says
	Durably string // what the durable, or this process, remembers
	Repair  string // what to do
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s refuses the log: %s, but %s; %s", r.Durable, r.Log, r.Durably, r.Repair)
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
