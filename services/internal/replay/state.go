package replay

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// refoldLimit bounds how often a partition is refolded because its checkpoint went back.
const refoldLimit = 3

// State folds the log in memory and compares with a worker's states, while the worker runs.
//
// Each read of some hashes also reads the checkpoint of the same moment, and the fold in memory continues to exactly
// that event before the two are compared. So a changing state is compared as of that moment, and a partition is read
// once, however busy.
//
// With Apply, differences are repaired, see [fold.States]: if the checkpoint has moved since it was read, the hash is
// read again, folded to and compared again.
func State[S any](ctx context.Context, c Check, rules fold.Rules[S]) (Summary, error) {
	return c.each(ctx, rules.Worker, func(ctx context.Context, pass []*inspection) (err error) {
		for range refoldLimit {
			if pass, err = compareStates(ctx, c.Redis, pass, rules); err != nil || len(pass) == 0 {
				return err
			}
		}
		return parallel(ctx, pass, passSize, func(i *inspection, _ context.Context) error {
			i.Unfinished++
			i.found(Finding{Kind: NoCheckpoint, Detail: "the checkpoint keeps going back: is Redis being restored, or the worker folding from the beginning? Run this again later"})
			return i.done()
		})
	})
}

// compareStates compares the partitions of a pass, and returns those whose checkpoint went back. It reads the log for
// all of them together, and lists the states in Redis once. Then it finishes one partition after the other, so that an
// interrupted run has little left.
func compareStates[S any](ctx context.Context, client redis.UniversalClient, pass []*inspection, rules fold.Rules[S]) (back []*inspection, err error) {
	all := make([]*states[S], len(pass))
	of := map[int]*states[S]{}
	for n, i := range pass {
		s := newStates(i, rules)
		defer s.close()
		all[n], of[i.partition] = s, s
	}
	if err := parallel(ctx, all, len(all), (*states[S]).begin); err != nil {
		return nil, err
	}
	if err := fold.Extensions(ctx, client, rules.Worker, func(partition int, some []events.Extension) error {
		if s := of[partition]; s != nil {
			s.add(some)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := parallel(ctx, all, passSize, (*states[S]).finish); err != nil {
		return nil, err
	}
	for _, s := range all {
		if errors.Is(s.fault, errBack) {
			s.Summary = Summary{}
			back = append(back, s.inspection)
		}
	}
	return back, nil
}
