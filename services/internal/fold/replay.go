package fold

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Replay folds messages of one partition in memory, with the code of an owner, and publishes nothing. It needs memory
// for each extension, not for each message.
type Replay[S any] struct {
	rules  Rules[S]
	states map[events.Extension]*entry[S]
	last   uint64
}

// NewReplay starts before the first message.
func NewReplay[S any](rules Rules[S]) *Replay[S] {
	return &Replay[S]{rules: rules, states: map[events.Extension]*entry[S]{}}
}

// Fold folds the next message. The fault is why it is a dead letter.
func (r *Replay[S]) Fold(m eventlog.Message) (fault error) {
	b := r.take(m, math.MaxUint64) // outcomes are not encoded
	return b.fault()
}

// Decided is the decision on a message.
type Decided struct {
	Name  string // of the outcome; "" without one
	Body  []byte // of the outcome
	Fault error  // why the message is a dead letter
}

// Decide folds the next message and returns its outcome.
func (r *Replay[S]) Decide(m eventlog.Message) Decided {
	b := r.take(m, 0)
	decided := Decided{Fault: b.fault()}
	if len(b.outcomes) > 0 {
		decided.Name, decided.Body = b.outcomes[0].name, b.outcomes[0].body
	}
	return decided
}

func (r *Replay[S]) take(m eventlog.Message, publishedThrough uint64) batch {
	x := m.Extension()
	state := r.states[x]
	if state == nil {
		state = &entry[S]{extension: x}
		r.states[x] = state
	}
	b := batch{publishedThrough: publishedThrough, unasked: true}
	r.rules.decideOne(&b, m, state)
	r.last = m.Sequence
	return b
}

// Last is the sequence of the last message folded.
func (r *Replay[S]) Last() uint64 { return r.last }

// Has reports whether an extension has a state.
func (r *Replay[S]) Has(x events.Extension) bool {
	state := r.states[x]
	return state != nil && state.changed
}

// Extensions lists those with a state, in order.
func (r *Replay[S]) Extensions() []events.Extension {
	all := slices.SortedFunc(maps.Keys(r.states), events.Extension.Compare)
	return slices.DeleteFunc(all, func(x events.Extension) bool { return !r.Has(x) })
}

// Hash is what Redis should have of an extension; nil when nothing.
func (r *Replay[S]) Hash(x events.Extension) map[string]string {
	if !r.Has(x) {
		return nil
	}
	state := r.states[x]
	saved := r.rules.Save(state.state)
	hash := make(map[string]string, 2+len(saved)/2)
	hash[fieldSeq], hash[fieldRecent] = strconv.FormatUint(state.seq, 10), string(state.recent)
	for i := 0; i+1 < len(saved); i += 2 {
		hash[saved[i]] = saved[i+1]
	}
	return hash
}

// Is reports whether c is the checkpoint after a message of a stream.
func (c Checkpoint) Is(stream eventlog.State, m eventlog.Message) bool {
	return c == c.after(identity(stream), m)
}

// Of checks that c can be a checkpoint of a stream; the error says why not.
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
