package workertest

import (
	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Reporter is what a check needs of a *testing.T or a *rapid.T.
type Reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Check decides a history of one extension and holds the rules to what package
// fold builds on:
//
//   - the same arguments give the same results;
//   - keeping a state and reading it back changes nothing that is decided later;
//   - what a state or an outcome refers to is never changed afterwards;
//   - every outcome is an event of the contract.
func Check[S any](t Reporter, rules fold.Rules[S], history []events.Recorded) {
	t.Helper()
	var live, reread S
	steps := make([]step[S], 0, len(history))
	for _, e := range history {
		next, decision := rules.Decide(live, e)
		again, same := rules.Decide(live, e)
		kept, after := rules.Decide(reread, e)
		s := step[S]{state: next, decision: decision, fields: fieldsOf(rules, next), told: toldBy(t, rules.Worker, e, decision)}
		s.is(t, e, "decided twice", fieldsOf(rules, again), toldBy(t, rules.Worker, e, same))
		s.is(t, e, "decided on what was kept", fieldsOf(rules, kept), toldBy(t, rules.Worker, e, after))
		steps = append(steps, s)
		live = next
		var err error
		if reread, err = rules.Load(s.fields); err != nil {
			t.Fatalf("after %s at %d: what was kept cannot be read: %v", e.EventName(), e.Sequence, err)
		}
		if diff := cmp.Diff(s.fields, fieldsOf(rules, reread)); diff != "" {
			t.Fatalf("after %s at %d: kept, read and kept again (-kept +again):\n%s", e.EventName(), e.Sequence, diff)
		}
	}
	for i, s := range steps {
		s.is(t, history[i], "looked at again at the end", fieldsOf(rules, s.state), toldBy(t, rules.Worker, history[i], s.decision))
	}
}

// step is a state and a decision, and what they were when they were new.
type step[S any] struct {
	state    S
	decision fold.Decision
	fields   map[string]string
	told     string
}

func (s step[S]) is(t Reporter, e events.Recorded, when string, fields map[string]string, told string) {
	t.Helper()
	if diff := cmp.Diff(s.fields, fields); diff != "" {
		t.Fatalf("%s at %d, %s: another state (-first +then):\n%s", e.EventName(), e.Sequence, when, diff)
	}
	if told != s.told {
		t.Fatalf("%s at %d, %s: another decision: first %s, then %s", e.EventName(), e.Sequence, when, s.told, told)
	}
}

// toldBy is a decision as text.
func toldBy(t Reporter, worker string, e events.Recorded, d fold.Decision) string {
	t.Helper()
	if d.Outcome == nil {
		return "answer " + d.Answer
	}
	body, err := events.NewOutcome(worker, e.Event, d.Outcome).Encode()
	if err != nil {
		t.Fatalf("%s at %d: its outcome cannot be told: %v", e.EventName(), e.Sequence, err)
	}
	return string(body)
}

func fieldsOf[S any](rules fold.Rules[S], state S) map[string]string {
	saved := rules.Save(state)
	fields := make(map[string]string, len(saved)/2)
	for i := 0; i+1 < len(saved); i += 2 {
		fields[saved[i]] = saved[i+1]
	}
	return fields
}
