package fold

import (
	"context"
	"fmt"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// batch is the result of deciding some messages, before any of it is written.
type batch struct {
	publishedThrough uint64 // the outcomes of causes up to here are in the log, and are only validated
	unasked          bool   // make no answers
	states           []stateWrite
	outcomes         []outcome
	dead             []eventlog.DeadLetter // incomplete: see owner.recordDead
	answers          []answer
	last             eventlog.Message
}

// answer is the decision on a message, for the caller that published it.
type answer struct {
	to     eventlog.Message
	answer events.Decision
}

// entry is the state of an extension while a batch is decided.
type entry[S any] struct {
	extension events.Extension
	name      string // of its hash in Redis
	state     S
	recent    recent
	seq       uint64
	stored    map[string]string // the fields in Redis; nil when there are none, or none to rely on
	changed   bool
}

// entries are the states a batch needs, in the order of their first message.
type entries[S any] struct {
	all []*entry[S]
	of  map[events.Extension]*entry[S]
}

// decideBatch folds messages into the states of their extensions. It changes nothing but these entries.
func (r *Rules[S]) decideBatch(messages []eventlog.Message, states entries[S], publishedThrough uint64) batch {
	b := batch{publishedThrough: publishedThrough}
	for _, m := range messages {
		r.decideOne(&b, m, states.of[m.Extension()])
	}
	for _, s := range states.all {
		if s.changed {
			b.states = append(b.states, stateWrite{name: s.name, seq: s.seq, recent: s.recent, fields: r.Save(s.state), stored: s.stored})
		}
	}
	b.last = messages[len(messages)-1]
	return b
}

func (r *Rules[S]) decideOne(b *batch, m eventlog.Message, s *entry[S]) {
	event, err := m.Decode()
	if err != nil {
		if !unknown(err) {
			b.addDead(m, err)
		}
		return
	}
	if erases(event) {
		var none S
		s.state, s.recent, s.changed = none, "", true
	}
	next, decision, err := r.decide(s.state, event)
	if err != nil {
		b.addDead(m, err)
		return
	}
	mark := ""
	if events.IsFactSource(event.Source) { // it may be repeated after the duplicate window
		mark = markOf(event.ID)
	}
	if mark != "" && s.recent.has(mark) {
		b.addAnswer(m, event.ID, answerOfRepeated(decision))
		return
	}
	if decision.Outcome != nil {
		if err := b.addOutcome(m, events.NewOutcome(r.Worker, event.Event, decision.Outcome), event.ID); err != nil {
			b.addDead(m, err)
			return
		}
	} else {
		b.addAnswer(m, event.ID, answerOf(decision))
	}
	s.state, s.seq, s.changed = next, m.Sequence, true
	if mark != "" {
		s.recent = s.recent.with(mark)
	}
}

// addOutcome adds an outcome that is not in the log yet, and its answer if there is a caller. An outcome that was
// published is only validated: in a refold that is most of them.
func (b *batch) addOutcome(cause eventlog.Message, of events.Event, causeID string) error {
	name := of.EventName()
	if cause.Sequence <= b.publishedThrough {
		if err := of.Validate(); err != nil {
			return fmt.Errorf("its outcome %s: %w", name, err)
		}
	} else {
		body, err := of.Encode()
		if err != nil {
			return fmt.Errorf("its outcome %s: %w", name, err)
		}
		b.outcomes = append(b.outcomes, outcome{cause: cause, causeID: causeID, name: name, subject: of.Subject(), body: body})
	}
	if !b.asked(cause) {
		return nil
	}
	data, err := of.EncodeData()
	if err != nil {
		return fmt.Errorf("its outcome %s: %w", name, err)
	}
	b.answers = append(b.answers, answer{to: cause, answer: events.Decision{
		Outcome: name, Sequence: cause.Sequence, EventID: causeID, Data: data,
	}})
	return nil
}

func (b *batch) addAnswer(to eventlog.Message, id, outcome string) {
	if b.asked(to) {
		b.answers = append(b.answers, answer{to: to, answer: events.Decision{
			Outcome: outcome, Sequence: to.Sequence, EventID: id,
		}})
	}
}

func (b *batch) addDead(m eventlog.Message, reason error) {
	b.dead = append(b.dead, eventlog.DeadLetter{Event: m, Reason: reason, Attempts: 1})
	if b.asked(m) {
		b.answers = append(b.answers, answer{to: m, answer: events.Decision{
			Outcome: events.Invalid, Sequence: m.Sequence, Reason: reason.Error(),
		}})
	}
}

func (b *batch) asked(m eventlog.Message) bool {
	return !b.unasked && m.Header.Get(events.HeaderReplyTo) != ""
}

// fault is the reason of the first dead letter; nil without one.
func (b *batch) fault() error {
	if len(b.dead) == 0 {
		return nil
	}
	return b.dead[0].Reason
}

// answerOf is the answer of a decision without outcome.
func answerOf(d Decision) string {
	if d.Answer == "" {
		return events.NothingToDo
	}
	return d.Answer
}

// answerOfRepeated answers a fact that was decided before: as it would be decided now, except that an outcome does not
// happen twice.
func answerOfRepeated(d Decision) string {
	if d.Outcome != nil {
		return events.NothingToDo
	}
	return answerOf(d)
}

// load loads the states a batch needs, if the checkpoint is still the one the owner started from. In a refold it ignores
// states that are newer than the checkpoint: they are from before the checkpoint was lost.
func (r *Rules[S]) load(ctx context.Context, s *store, messages []eventlog.Message, from Checkpoint, refold bool) (entries[S], error) {
	states := entries[S]{of: make(map[events.Extension]*entry[S], len(messages))}
	names := make([]string, 0, len(messages))
	for _, m := range messages {
		x := m.Extension()
		if states.of[x] == nil {
			added := &entry[S]{extension: x, name: s.keys.state(x)}
			states.of[x] = added
			states.all = append(states.all, added)
			names = append(names, added.name)
		}
	}
	found, checkpoint, err := s.load(ctx, names)
	if err != nil {
		return entries[S]{}, err
	}
	if checkpoint != from {
		return entries[S]{}, errFenced
	}
	for i, f := range found {
		switch {
		case f.fault != nil:
			return entries[S]{}, fmt.Errorf("%w: state of %s: %w", errTampered, names[i], f.fault)
		case f.fields == nil, f.seq > from.Seq && refold:
			continue
		case f.seq > from.Seq:
			return entries[S]{}, fmt.Errorf("%w: state of %s is of sequence %d, the checkpoint of %d", errTampered, names[i], f.seq, from.Seq)
		}
		e := states.all[i]
		e.recent, e.seq, e.stored = f.recent, f.seq, f.fields
		if e.state, err = r.Load(f.fields); err != nil {
			return entries[S]{}, fmt.Errorf("%w: state of %s: %w", errTampered, e.extension, err)
		}
	}
	return states, nil
}
