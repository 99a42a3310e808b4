package fold

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

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
//
// So the portal says yes to a softphone only by what held at most 3 s ago. A device that
// is known needs a current answer, under the license that the portal itself read; any
// other needs a decision, so a fact that a majority stored. What the portal alone reads
// can be of the past for longer, the name and address it shows or the password it
// compares: neither lets a device in without one of the two. Until then a password that
// was replaced is taken from a device that was in before it was, for those 3 s.
const inTouch = 3 * time.Second

// Get returns the state of a key; the zero S for one never seen. Current says that
// every event of the key that was in the log when Get was called is folded into
// it: after a rebuild, behind a lag or on a Redis that was set back it is false,
// and the state may be of the past. So it is when the log's leader is cut off from the
// other servers: what is current was so at most 3 s ago.
func (v View[S, E]) Get(ctx context.Context, key eventlog.Key) (state S, current bool, err error) {
	partition := key.Partition()
	last, err := v.last(ctx, key)
	if err != nil {
		return state, false, err
	}
	stream, err := v.Log.State(ctx)
	if err != nil {
		return state, false, err
	}
	kept := newStore(v.Redis, v.Rules.Worker, partition)
	found, checkpoint, err := kept.load(ctx, []string{kept.keys.state(key)})
	if err != nil {
		return state, false, err
	}
	if found[0].fault != nil {
		return state, false, fmt.Errorf("state of %s: %w", key, found[0].fault)
	}
	if found[0].fields != nil {
		if state, err = v.Rules.Load(found[0].fields); err != nil {
			return state, false, err
		}
	}
	sameLog := checkpoint == (Checkpoint{}) || checkpoint.Stream == identity(stream) && checkpoint.Seq <= stream.Last
	return state, sameLog && stream.Quorum <= inTouch && checkpoint.Seq >= last && found[0].seq <= checkpoint.Seq, nil
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
