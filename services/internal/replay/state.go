package replay

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// beginnings bounds how often a partition is folded again because its checkpoint
// went back.
const beginnings = 3

// State folds the log in memory and compares what a worker keeps with it, while
// the worker works.
//
// Each read of some hashes also reads the checkpoint of the same moment, and the
// fold in memory goes on to exactly that event before the two are compared. So a
// state that changes meanwhile is compared as what it is at that moment, and a
// partition is read once, however busy.
//
// With Apply, what differs is repaired, see [fold.States]: if the checkpoint has
// moved since it was read, the hash is read, folded to and compared anew.
func State[S any](ctx context.Context, c Check, rules fold.Rules[S]) (Summary, error) {
	return c.each(ctx, rules.Worker, func(ctx context.Context, pass []*inspection) (err error) {
		for range beginnings {
			if pass, err = compareStates(ctx, c.Redis, pass, rules); err != nil || len(pass) == 0 {
				return err
			}
		}
		return parallel(ctx, pass, few, func(i *inspection, _ context.Context) error {
			i.Unfinished++
			i.found(Finding{Kind: NoCheckpoint, Detail: "the checkpoint keeps going back: is Redis being restored, or the worker folding from the beginning? Run this again later"})
			return i.done()
		})
	})
}

// compareStates compares the partitions of a pass, and returns those whose checkpoint
// went back meanwhile. The log is gone through for all of them together, and Redis is
// asked once what it has; then one is done after the other, so that an interrupted run
// has little left.
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
			s.has(some)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := parallel(ctx, all, few, (*states[S]).finish); err != nil {
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
