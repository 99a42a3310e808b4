package fold

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// View reads the states of a worker, without owning a partition.
type View[S any] struct {
	Log   *eventlog.Log
	Redis redis.UniversalClient
	Rules Rules[S]
}

// quorumLimit is how old the log's answers may be, by its leader's own account ([eventlog.State]): three of its
// heartbeats. A leader that was deposed and is cut off answers for up to 20 s more, and for that long a device that was
// signed out would count as known.
const quorumLimit = 3 * time.Second

// Entry is a state as it is in Redis, perhaps an old one.
type Entry[S any] struct {
	State S

	seq        uint64 // of the last event folded into it
	checkpoint Checkpoint
}

// Read returns the state of an extension, without a look-up in the log; the zero S without one. The error is [Damaged] if
// no owner wrote that state.
func (v View[S]) Read(ctx context.Context, x events.Extension) (entry Entry[S], err error) {
	states := newStore(v.Redis, v.Rules.Worker, x.Partition())
	found, checkpoint, err := states.peek(ctx, states.keys.state(x))
	if err != nil {
		return entry, err
	}
	if found.fault != nil {
		return entry, fmt.Errorf("%w: state of %s: %w", errTampered, x, found.fault)
	}
	entry.seq, entry.checkpoint = found.seq, checkpoint
	if found.fields != nil {
		if entry.State, err = v.Rules.Load(found.fields); err != nil {
			return Entry[S]{}, fmt.Errorf("%w: state of %s: %w", errTampered, x, err)
		}
	}
	return entry, nil
}

// AsOf reports whether the state is the one after the extension's last input, for a caller that has looked up where that
// input is (sequence 0: there is none). The state contains nothing after it, and all before it, because the partition is
// folded up to there. So it holds for the moment of that look-up, whether that was before Read or after it.
func (e Entry[S]) AsOf(last events.Position) bool {
	if e.checkpoint == (Checkpoint{}) {
		return last.Sequence == 0 && e.seq == 0
	}
	return e.checkpoint.Stream == identity(eventlog.State{Created: last.Log}) && e.seq <= last.Sequence && last.Sequence <= e.checkpoint.Seq
}

// Last is the sequence of the last event folded into the state; 0 when there is none. It is before the extension's last
// input if that one changed no state: a repeated fact, or a dead letter.
func (e Entry[S]) Last() uint64 { return e.seq }

// Get returns the state of an extension; the zero S without one. Current says that every event of the extension that was
// in the log when Get was called is folded into it. It is false, and the state may be old, during a rebuild, behind a lag,
// on a Redis that was set back, and when the log's leader is cut off from the other servers: a current state held at most
// 3 s ago.
func (v View[S]) Get(ctx context.Context, x events.Extension) (state S, current bool, err error) {
	last, err := v.last(ctx, x)
	if err != nil {
		return state, false, err
	}
	stream, err := v.Log.State(ctx)
	if err != nil {
		return state, false, err
	}
	entry, err := v.Read(ctx, x)
	if err != nil {
		return state, false, err
	}
	checkpoint := entry.checkpoint
	sameLog := checkpoint == (Checkpoint{}) || checkpoint.Stream == identity(stream) && checkpoint.Seq <= stream.Last
	return entry.State, sameLog && stream.Quorum <= quorumLimit && checkpoint.Seq >= last && entry.seq <= checkpoint.Seq, nil
}

// last is the sequence of the extension's last event among the worker's inputs. Each name is one look-up: the server
// finds it at once, and no other event of the extension counts.
func (v View[S]) last(ctx context.Context, x events.Extension) (uint64, error) {
	names := byName(v.Rules.Inputs)
	sequences := make([]uint64, len(names))
	group, ctx := errgroup.WithContext(ctx)
	for i, inputs := range names {
		group.Go(func() error {
			m, err := v.Log.LastInput(ctx, x, inputs...)
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

// byName groups inputs that differ only in their source.
func byName(inputs []events.Input) (groups [][]events.Input) {
	for _, input := range inputs {
		i := slices.IndexFunc(groups, func(g []events.Input) bool { return g[0].Name == input.Name })
		if i < 0 {
			groups = append(groups, []events.Input{input})
			continue
		}
		groups[i] = append(groups[i], input)
	}
	return groups
}
