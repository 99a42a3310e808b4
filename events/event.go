package events

import "time"

// Event is one entry of the log: a fact or an outcome of a worker.
type Event struct {
	ID        string // a canonical UUID; of version 7 for facts
	Source    string // PBX, Portal or the worker's name
	Actor     Actor  // of a fact of the portal alone; read it with By
	Time      time.Time
	Extension Extension
	Data      Data
}

// NewFact makes a fact of the PBX core that happened now, with an id of its own.
func NewFact(x Extension, d Data) Event {
	now := time.Now()
	return Event{ID: uuidV7(now), Source: PBX, Time: now.UTC().Truncate(time.Millisecond), Extension: x, Data: d}
}

// NewPortalFact makes a fact of the portal, which knows who caused it.
func NewPortalFact(x Extension, by Actor, d Data) Event {
	e := NewFact(x, d)
	e.Source, e.Actor = Portal, by
	return e
}

// NewOutcome makes the outcome of one worker on one event. It is a pure function: the id derives from the worker and
// the cause's id, the time is the cause's. One cause has at most one outcome per worker, so the id is its own.
func NewOutcome(worker string, cause Event, d Data) Event {
	return Event{ID: uuidV5(worker, cause.ID), Source: worker, Time: cause.Time, Extension: cause.Extension, Data: d}
}

// NewStep is NewOutcome for an event of which one cause may have several: a step on the way to the outcome, or what came
// after it. The step ("deferred/4") is part of what the id derives from, so each step is one event however often it is told.
func NewStep(worker string, cause Event, step string, d Data) Event {
	e := NewOutcome(worker, cause, d)
	e.ID = uuidV5(worker, cause.ID+"/"+step)
	return e
}

// EventName is the name of what the event says; "" without data.
func (e Event) EventName() string {
	if e.Data == nil {
		return ""
	}
	return e.Data.EventName()
}

// Subject is where the event is published.
func (e Event) Subject() string {
	return PublishSubject(e.Source, e.Extension.Tenant, e.Extension.Number, e.EventName())
}

// Validate returns a *FieldError on the first field that breaks the contract, or nil.
func (e Event) Validate() error {
	_, err := e.valid()
	return err
}

// valid is Validate, and what the catalog knows of the event.
func (e Event) valid() (*kind, error) {
	k, err := e.validData()
	if err != nil {
		return nil, err
	}
	if problem := textProblem(required, e.ID, idRule(e.Source)); problem != "" {
		return nil, &FieldError{Field: "id", Problem: problem}
	}
	if err := e.Extension.Validate(); err != nil {
		return nil, err
	}
	if err := e.Actor.problem(e.Source); err != nil {
		return nil, err
	}
	if problem := timeProblem(e.Time); problem != "" {
		return nil, &FieldError{Field: "time", Problem: problem}
	}
	return k, nil
}

func (e Event) validData() (*kind, error) {
	if e.Data == nil {
		return nil, &FieldError{Field: "data", Problem: "is missing; an event needs one of the data types of this package"}
	}
	name := e.Data.EventName()
	k := kindOf(e.Source, name)
	if k == nil {
		return nil, &FieldError{Field: "source", Problem: show(e.Source) + " publishes no " + show(name)}
	}
	c := checker{path: "data."}
	if !k.visit(e.Data, &c) {
		return nil, &FieldError{Field: "data", Problem: "must be a value of type events." + name + ", not a pointer or another type"}
	}
	return k, c.err
}

func idRule(source string) rule {
	if IsFactSource(source) {
		return factID
	}
	return uuid
}
