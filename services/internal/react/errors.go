package react

import (
	"errors"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Permanent says that an event can never be handled: it becomes a dead letter.
func Permanent(err error) error { return &verdict{err, deadLettered, 0} }

// Pause says that the far side is away or refuses us, whatever the event.
func Pause(err error) error { return &verdict{err, paused, 0} }

// Reason is why an event is deferred.
type Reason outcome

// The reasons of Defer.
const (
	NotTried Reason = Reason(deferred) // the far side was not asked
	Answered Reason = Reason(answered) // the far side answered that it wants the event later: it is not away
)

// Defer says that an event is to come again after a delay. Nothing failed, and no attempt is counted.
func Defer(err error, delay time.Duration, reason Reason) error {
	return &verdict{err, outcome(reason), delay}
}

// Skip says that an event is done although the far side was not asked: it counts as handled, and ends no pause.
func Skip() error { return &verdict{error: errSkipped, outcome: skipped} }

// Done reports whether a handler's result ends the event.
func Done(err error) bool {
	result, _ := judge(err)
	return result == handled || result == skipped
}

var errSkipped = errors.New("done without asking the far side")

// verdict is an error that the runtime does more with than to try again.
type verdict struct {
	error
	outcome outcome
	delay   time.Duration // of Defer
}

func (v *verdict) Unwrap() error { return v.error }

// outcome is what becomes of a delivery. Its values are label values of metrics.
type outcome string

const (
	handled      outcome = "handled"
	skipped      outcome = "skipped" // becomes handled
	deadLettered outcome = "dead_letter"
	paused       outcome = "paused"
	postponed    outcome = "retry"
	deferred     outcome = "deferred"
	answered     outcome = "answered" // becomes deferred
	givenUp      outcome = "given_up"
)

// How long an event waits when the log cannot say what holds. The read was repeated for a second before.
const (
	behindDelay  = 2 * time.Second
	missingDelay = 30 * time.Second
)

// judge is the one place that decides what a handler's result means, and how long a deferred event waits.
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
		return v.outcome, v.delay
	default:
		return postponed, 0
	}
}

// Refusal says that the log is not the one this durable has worked on. Nothing is taken from it until an operator has
// decided.
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
