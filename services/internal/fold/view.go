package fold

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// View reads the states a worker keeps, without owning anything.
type View[S any, E Event] struct {
	Log   *eventlog.Log
	Redis redis.UniversalClient
	Rules Rules[S, E]
}

// inTouch is how old the log's answers may be, as told by its leader ([eventlog.State]):
// three of its heartbeats. One that was deposed and is cut off goes on answering for up
// to 20 s, and for that long a device that was signed out would be known.
const inTouch = 3 * time.Second

// Entry is a state as Redis has it, perhaps of the past.
type Entry[S any] struct {
	State S

	seq        uint64 // of the last event folded into it
	checkpoint Checkpoint
}

// Read returns the state of a key without a look at the log; of one never seen, the zero S. The
// error is [Damaged] for what no owner wrote.
func (v View[S, E]) Read(ctx context.Context, key eventlog.Key) (entry Entry[S], err error) {
	store := newStore(v.Redis, v.Rules.Worker, key.Partition())
	found, checkpoint, err := store.peek(ctx, store.keys.state(key))
	if err != nil {
		return entry, err
	}
	if found.fault != nil {
		return entry, fmt.Errorf("%w: state of %s: %w", errTampered, key, found.fault)
	}
	entry.seq, entry.checkpoint = found.seq, checkpoint
	if found.fields != nil {
		if entry.State, err = v.Rules.Load(found.fields); err != nil {
			return Entry[S]{}, fmt.Errorf("%w: state of %s: %w", errTampered, key, err)
		}
	}
	return entry, nil
}

// AsOf tells whether the state is the one after the last of the key's inputs, for a caller
// who has looked up where that is (sequence 0: there is none). Nothing after it is in the
// state, and all before it is: the partition is folded up to there. So it holds for the
// moment of that look, whether it was before Read or after it.
func (e Entry[S]) AsOf(last events.Position) bool {
	if e.checkpoint == (Checkpoint{}) {
		return last.Sequence == 0 && e.seq == 0
	}
	return e.checkpoint.Stream == identity(eventlog.State{Created: last.Log}) && e.seq <= last.Sequence && last.Sequence <= e.checkpoint.Seq
}

// Last is the sequence of the last event folded into the state; 0 when there is none. It is before
// the key's last input where that one changed no state: a fact that came again, or a dead letter.
func (e Entry[S]) Last() uint64 { return e.seq }

// Get returns the state of a key; the zero S for one never seen. Current says that
// every event of the key that was in the log when Get was called is folded into
// it: after a rebuild, behind a lag or on a Redis that was set back it is false,
// and the state may be of the past. So it is when the log's leader is cut off from the
// other servers: what is current was so at most 3 s ago.
func (v View[S, E]) Get(ctx context.Context, key eventlog.Key) (state S, current bool, err error) {
	last, err := v.last(ctx, key)
	if err != nil {
		return state, false, err
	}
	stream, err := v.Log.State(ctx)
	if err != nil {
		return state, false, err
	}
	entry, err := v.Read(ctx, key)
	if err != nil {
		return state, false, err
	}
	checkpoint := entry.checkpoint
	sameLog := checkpoint == (Checkpoint{}) || checkpoint.Stream == identity(stream) && checkpoint.Seq <= stream.Last
	return entry.State, sameLog && stream.Quorum <= inTouch && checkpoint.Seq >= last && entry.seq <= checkpoint.Seq, nil
}

// last is the sequence of the key's last event among the worker's inputs. Each name is
// asked for by itself: the server finds it at once, and nothing else of the key may
// count.
func (v View[S, E]) last(ctx context.Context, key eventlog.Key) (uint64, error) {
	names := eventlog.ByName(v.Rules.Inputs)
	sequences := make([]uint64, len(names))
	group, ctx := errgroup.WithContext(ctx)
	for i, inputs := range names {
		group.Go(func() error {
			m, err := v.Log.LastInput(ctx, key, inputs...)
			if m != nil {
				sequences[i] = m.Sequence
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	var last uint64
	for _, seq := range sequences {
		last = max(last, seq)
	}
	return last, nil
}
