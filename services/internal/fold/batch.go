package fold

import (
	"context"
	"fmt"
	"slices"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// batch is what an owner made of some messages, before any of it is written.
type batch struct {
	told     uint64 // outcomes of causes up to here are in the log, and not made again
	unasked  bool   // nobody waits for an answer
	states   []written
	outcomes []outcome
	dead     []eventlog.DeadLetter // only what there is to record: see owner.bury
	answers  []answer
	last     eventlog.Message
}

// answer is what to tell whoever published a message.
type answer struct {
	to     eventlog.Message
	answer events.Decision
}

// memory is the state of a key while a batch is decided.
type memory[S any] struct {
	key     eventlog.Key
	name    string // of its hash in Redis
	state   S
	recent  recent
	seq     uint64
	had     map[string]string // the fields Redis holds; nil when none, or not to be relied on
	changed bool
}

// memories are the states a batch needs, in the order of their first message.
type memories[S any] struct {
	all []*memory[S]
	of  map[eventlog.Key]*memory[S]
}

// decide folds messages into the states of their keys. It changes nothing but
// the memories.
func (r *Rules[S, E]) decide(messages []eventlog.Message, states memories[S], told uint64) batch {
	b := batch{told: told}
	for _, m := range messages {
		r.decideOne(&b, m, states.of[m.Key()])
	}
	for _, s := range states.all {
		if s.changed {
			b.states = append(b.states, written{name: s.name, seq: s.seq, recent: s.recent, fields: r.Save(s.state), had: s.had})
		}
	}
	b.last = messages[len(messages)-1]
	return b
}

func (r *Rules[S, E]) decideOne(b *batch, m eventlog.Message, s *memory[S]) {
	event, err := r.Decode(m)
	if err != nil {
		if !r.Skip(err) {
			b.bury(m, err)
		}
		return
	}
	if r.Erases != nil && r.Erases(event) {
		var none S
		s.state, s.recent, s.changed = none, "", true
	}
	next, decision, err := r.safely(s.state, event)
	if err != nil {
		b.bury(m, err)
		return
	}
	id := event.EventID()
	mark := ""
	if events.IsFactSource(m.Source()) { // it may come again, after the duplicate window
		mark = markOf(id)
	}
	if mark != "" && s.recent.has(mark) {
		b.reply(m, id, repeated(decision))
		return
	}
	if decision.Outcome != nil {
		if err := b.tell(m, id, decision.Outcome); err != nil {
			b.bury(m, err)
			return
		}
	} else {
		b.reply(m, id, said(decision))
	}
	s.state, s.seq, s.changed = next, m.Sequence, true
	if mark != "" {
		s.recent = s.recent.with(mark)
	}
}

// safely calls Decide. A panic concerns one event only: it becomes an error.
func (r *Rules[S, E]) safely(state S, event E) (next S, decision Decision, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("deciding it panicked: %v", p)
		}
	}()
	next, decision = r.Decide(state, event)
	return next, decision, nil
}

// tell adds an outcome that is not told yet and, for whoever waits for it, the
// answer. What was told is only checked: folding a log again, that is most of it.
func (b *batch) tell(cause eventlog.Message, causeID string, said Outcome) error {
	if cause.Sequence <= b.told {
		if err := said.Validate(); err != nil {
			return fmt.Errorf("its outcome %s: %w", said.EventName(), err)
		}
	} else {
		body, err := said.Encode()
		if err != nil {
			return fmt.Errorf("its outcome %s: %w", said.EventName(), err)
		}
		b.outcomes = append(b.outcomes, outcome{
			cause: cause, causeID: causeID, name: said.EventName(), subject: said.Subject(), body: body,
		})
	}
	if !b.asked(cause) {
		return nil
	}
	data, err := said.EncodeData()
	if err != nil {
		return fmt.Errorf("its outcome %s: %w", said.EventName(), err)
	}
	b.answers = append(b.answers, answer{to: cause, answer: events.Decision{
		Outcome: said.EventName(), Sequence: cause.Sequence, EventID: causeID, Data: data,
	}})
	return nil
}

func (b *batch) reply(to eventlog.Message, id, outcome string) {
	if b.asked(to) {
		b.answers = append(b.answers, answer{to: to, answer: events.Decision{
			Outcome: outcome, Sequence: to.Sequence, EventID: id,
		}})
	}
}

func (b *batch) bury(m eventlog.Message, reason error) {
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

// fault is why the first dead letter is one.
func (b *batch) fault() error {
	if len(b.dead) == 0 {
		return nil
	}
	return b.dead[0].Reason
}

// said is the answer of a decision without outcome.
func said(d Decision) string {
	if d.Answer == "" {
		return events.NothingToDo
	}
	return d.Answer
}

// repeated is the answer to a fact that was decided before: what would be said of
// it now, but nothing that happens only once.
func repeated(d Decision) string {
	if d.Outcome != nil {
		return events.NothingToDo
	}
	return said(d)
}

// recall loads the states a batch needs, if the checkpoint is still the one the
// owner started from. States newer than that are forgotten when the owner is
// folding the log again: they are left from before the checkpoint was lost.
func (r *Rules[S, E]) recall(ctx context.Context, s *store, messages []eventlog.Message, from Checkpoint, again bool) (memories[S], error) {
	states := memories[S]{of: make(map[eventlog.Key]*memory[S], len(messages))}
	wanted := make([]string, 0, len(messages))
	for _, m := range messages {
		key := m.Key()
		if states.of[key] == nil {
			fresh := &memory[S]{key: key, name: s.keys.state(key)}
			states.of[key] = fresh
			states.all = append(states.all, fresh)
			wanted = append(wanted, fresh.name)
		}
	}
	found, checkpoint, err := s.load(ctx, wanted)
	if err != nil {
		return memories[S]{}, err
	}
	if checkpoint != from {
		return memories[S]{}, errFenced
	}
	for i, k := range found {
		switch {
		case k.fault != nil:
			return memories[S]{}, fmt.Errorf("%w: state of %s: %w", errTampered, wanted[i], k.fault)
		case k.fields == nil, k.seq > from.Seq && again:
			continue
		case k.seq > from.Seq:
			return memories[S]{}, fmt.Errorf("%w: state of %s is of sequence %d, the checkpoint of %d", errTampered, wanted[i], k.seq, from.Seq)
		}
		m := states.all[i]
		m.recent, m.seq, m.had = k.recent, k.seq, k.fields
		if m.state, err = r.Load(k.fields); err != nil {
			return memories[S]{}, fmt.Errorf("%w: state of %s: %w", errTampered, m.key, err)
		}
	}
	return states, nil
}

// answers tells whether the worker is the one to answer an event of this name.
func (r *Rules[S, E]) answers(m eventlog.Message) bool {
	return slices.Contains(r.Answers, m.Name())
}
