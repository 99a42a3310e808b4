package replay

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Progress is how far a worker has folded the log as it was at some moment: of each partition it knows the last event
// to fold. It reads only the checkpoints: asking the server how many events are left would slow down the worker.
type Progress struct {
	states []fold.States
	last   []uint64 // by partition; 0: nothing to read
}

// Progress starts at the log's present end.
func (o Observer) Progress(ctx context.Context, f Folder) (Progress, error) {
	e := Progress{last: make([]uint64, o.Partitions)}
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

// Folded is the share of the log that is folded; 1: all of it.
func (e Progress) Folded(ctx context.Context) (float64, error) {
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
