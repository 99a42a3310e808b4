package replay

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Ends are where each partition of a worker ends: the last event that it reads.
// To ask the server again and again how many are left would slow down the worker
// that is waited for; its checkpoints cost nothing.
type Ends struct {
	states []fold.States
	last   []uint64 // by partition; 0: nothing to read
}

// Ends asks the log.
func (o Observer) Ends(ctx context.Context, f Folder) (Ends, error) {
	e := Ends{last: make([]uint64, o.Partitions)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for p := range o.Partitions {
		e.states = append(e.states, fold.StatesOf(o.Redis, f.Worker, p))
		group.Go(func() error {
			for _, input := range f.Inputs {
				m, err := o.Log.LastOf(ctx, input.Filter(p))
				if err != nil {
					return err
				}
				if m != nil {
					e.last[p] = max(e.last[p], m.Sequence)
				}
			}
			return nil
		})
	}
	return e, group.Wait()
}

// Folded is the share of the log that is folded: 1 when nothing is left.
func (e Ends) Folded(ctx context.Context) (float64, error) {
	var done, all float64
	for p, last := range e.last {
		if last == 0 {
			continue
		}
		checkpoint, err := e.states[p].Checkpoint(ctx)
		if err != nil {
			return 0, err
		}
		done += float64(min(checkpoint.Seq, last))
		all += float64(last)
	}
	if done == all {
		return 1, nil
	}
	return done / all, nil
}
