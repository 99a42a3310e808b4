package fold

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Replay folds messages of one partition in memory, by the very code an owner
// decides with, and tells nobody. Its memory grows with the number of keys, not
// with the number of messages.
type Replay[S any, E Event] struct {
	rules  Rules[S, E]
	states map[eventlog.Key]*memory[S]
	last   uint64
}

// NewReplay begins before the first message.
func NewReplay[S any, E Event](rules Rules[S, E]) *Replay[S, E] {
	return &Replay[S, E]{rules: rules, states: map[eventlog.Key]*memory[S]{}}
}

// Fold folds the next message. The fault is why it is a dead letter.
func (r *Replay[S, E]) Fold(m eventlog.Message) (fault error) {
	b := r.take(m, math.MaxUint64) // what is told is not encoded
	return b.fault()
}

// Decided is what Decide made of a message.
type Decided struct {
	Name  string // of the outcome; "" when there is none
	Body  []byte // and its bytes
	Fault error  // why the message is a dead letter
}

// Decide folds the next message and says what is to be told of it.
func (r *Replay[S, E]) Decide(m eventlog.Message) Decided {
	b := r.take(m, 0)
	decided := Decided{Fault: b.fault()}
	if len(b.outcomes) > 0 {
		decided.Name, decided.Body = b.outcomes[0].name, b.outcomes[0].body
	}
	return decided
}

// take folds a message of which nobody waits for an answer.
func (r *Replay[S, E]) take(m eventlog.Message, told uint64) batch {
	key := m.Key()
	state := r.states[key]
	if state == nil {
		state = &memory[S]{key: key}
		r.states[key] = state
	}
	b := batch{told: told, unasked: true}
	r.rules.decideOne(&b, m, state)
	r.last = m.Sequence
	return b
}

// Last is the sequence of the last message taken.
func (r *Replay[S, E]) Last() uint64 { return r.last }

// Has tells whether a key has a state.
func (r *Replay[S, E]) Has(key eventlog.Key) bool {
	state := r.states[key]
	return state != nil && state.changed
}

// Keys are those with a state, in order.
func (r *Replay[S, E]) Keys() []eventlog.Key {
	keys := slices.Sorted(maps.Keys(r.states))
	return slices.DeleteFunc(keys, func(key eventlog.Key) bool { return !r.Has(key) })
}

// Hash is what Redis is to have of a key; nil when nothing.
func (r *Replay[S, E]) Hash(key eventlog.Key) map[string]string {
	if !r.Has(key) {
		return nil
	}
	state := r.states[key]
	saved := r.rules.Save(state.state)
	hash := make(map[string]string, 2+len(saved)/2)
	hash[fieldSeq], hash[fieldRecent] = strconv.FormatUint(state.seq, 10), string(state.recent)
	for i := 0; i+1 < len(saved); i += 2 {
		hash[saved[i]] = saved[i+1]
	}
	return hash
}

// Is tells whether a checkpoint is the one after a message of a stream.
func (c Checkpoint) Is(stream eventlog.State, m eventlog.Message) bool {
	return c == c.after(identity(stream), m)
}

// Of checks that a checkpoint can be one of a stream; the error says why not.
func (c Checkpoint) Of(stream eventlog.State) error {
	switch {
	case c == (Checkpoint{}):
	case c.Stream != identity(stream):
		return fmt.Errorf("%s, but the log is another stream, created %s", c, created(identity(stream)))
	case c.Seq > stream.Last:
		return fmt.Errorf("%s, but the log ends at sequence %d", c, stream.Last)
	}
	return nil
}
