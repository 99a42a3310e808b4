package replay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

const (
	// together is how many states are read at one moment.
	together = 256

	// stubborn is how long a repair is tried under commits of a busy owner. A
	// try takes a millisecond or two, about as long as there is between commits.
	stubborn = 20 * time.Second

	// beginnings bounds how often a partition is folded again because its
	// checkpoint went back.
	beginnings = 3
)

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
func State[S any, E fold.Event](ctx context.Context, c Check, rules fold.Rules[S, E]) (Summary, error) {
	return c.each(ctx, rules.Worker, func(ctx context.Context, i *inspection) error {
		var err error
		for range beginnings {
			err = compareStates(ctx, i, rules)
			if !errors.Is(err, errBack) {
				break
			}
			i.Summary = Summary{}
		}
		if errors.Is(err, errBack) {
			i.Unfinished++
			i.found(Finding{Kind: NoCheckpoint, Detail: "the checkpoint keeps going back: is Redis being restored, or the worker folding from the beginning? Run this again later"})
			return nil
		}
		return err
	})
}

// states compares one partition.
type states[S any, E fold.Event] struct {
	*inspection
	*follower[S, E]
	kept fold.States
}

func compareStates[S any, E fold.Event](ctx context.Context, i *inspection, rules fold.Rules[S, E]) error {
	s := &states[S, E]{
		inspection: i, follower: newFollower(i.Log, i.stream, rules, i.partition),
		kept: fold.StatesOf(i.Redis, rules.Worker, i.partition),
	}
	s.took = i.folded
	defer s.close()
	checkpoint, err := s.kept.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if checkpoint == (fold.Checkpoint{}) {
		return s.withoutCheckpoint(ctx)
	}
	// The stream is asked after the checkpoint: both grow meanwhile.
	if s.inspection.stream, err = i.Log.State(ctx); err != nil {
		return err
	}
	s.follower.stream = s.inspection.stream
	if err := checkpoint.Of(s.inspection.stream); err != nil {
		return s.refused(checkpoint, err)
	}
	err = s.advance(ctx, checkpoint)
	if err == nil {
		err = s.known(ctx)
	}
	if err == nil {
		err = s.strays(ctx)
	}
	s.progress(int(s.Events % tick))
	if errors.Is(err, errForeign) {
		return s.refused(checkpoint, fmt.Errorf("%s, but %w", checkpoint, err))
	}
	return err
}

func (s *states[S, E]) refused(at fold.Checkpoint, why error) error {
	s.Unfinished++
	s.found(Finding{Kind: NotThisLog, Sequence: at.Seq, Detail: why.Error() +
		": put the right log or Redis back, or rebuild the worker to fold this log from its beginning"})
	return nil
}

// withoutCheckpoint is a partition that its owner folds from the beginning.
func (s *states[S, E]) withoutCheckpoint(ctx context.Context) error {
	n := 0
	if err := s.kept.Keys(ctx, func(keys []eventlog.Key) error { n += len(keys); return nil }); err != nil {
		return err
	}
	var filters []string
	for _, input := range s.inputs {
		filters = append(filters, input.In(s.partition))
	}
	waiting, err := Count(ctx, s.Log, Range{Filters: filters})
	if err != nil || n == 0 && waiting == 0 {
		return err
	}
	s.Unfinished++
	s.found(Finding{Kind: NoCheckpoint, Detail: fmt.Sprintf(
		"%d states and %d events in the log: the worker folds them from the beginning as soon as it runs", n, waiting)})
	return nil
}

// known compares the keys that the log has.
func (s *states[S, E]) known(ctx context.Context) error {
	for keys := range slices.Chunk(s.Keys(), together) {
		if err := s.compare(ctx, keys); err != nil {
			return err
		}
	}
	return nil
}

// strays compares the keys that Redis has and the log had not, until now.
func (s *states[S, E]) strays(ctx context.Context) error {
	return s.kept.Keys(ctx, func(keys []eventlog.Key) error {
		keys = slices.DeleteFunc(keys, func(key eventlog.Key) bool { return s.Hash(key) != nil })
		if len(keys) == 0 {
			return nil
		}
		return s.compare(ctx, keys)
	})
}

// compare holds some states against the fold, and repairs them if it may.
func (s *states[S, E]) compare(ctx context.Context, keys []eventlog.Key) error {
	s.Compared += uint64(len(keys))
	for end := time.Now().Add(stubborn); ; {
		findings, repairs, at, err := s.look(ctx, keys)
		if err != nil || len(findings) == 0 {
			return err
		}
		if !s.Apply {
			s.report(findings, false)
			return nil
		}
		err = s.kept.Repair(ctx, at, repairs)
		switch {
		case err == nil:
			s.report(findings, true)
			return nil
		case !errors.Is(err, fold.ErrMoved):
			return err
		case time.Now().After(end):
			s.report(findings, false)
			return nil
		}
		keys = keys[:0:0]
		for _, r := range repairs {
			keys = append(keys, r.Key)
		}
		if err := sleep(ctx, rand.N(time.Millisecond)); err != nil {
			return err
		}
	}
}

func (s *states[S, E]) report(findings []Finding, repaired bool) {
	for _, f := range findings {
		f.Repaired = repaired
		s.found(f)
	}
}

// look reads some states and their checkpoint, and folds up to it.
func (s *states[S, E]) look(ctx context.Context, keys []eventlog.Key) (findings []Finding, repairs []fold.Repair, at fold.Checkpoint, err error) {
	hashes, at, err := s.kept.Read(ctx, keys)
	if err != nil {
		return nil, nil, at, err
	}
	if at == (fold.Checkpoint{}) {
		return nil, nil, at, errBack
	}
	if err := s.advance(ctx, at); err != nil {
		return nil, nil, at, err
	}
	for n, key := range keys {
		should := s.Hash(key)
		fields := differences(should, hashes[n])
		if len(fields) == 0 {
			continue
		}
		findings = append(findings, Finding{Kind: kindOf(should, hashes[n], at), Key: slashed(key), Sequence: at.Seq, Fields: fields})
		repairs = append(repairs, fold.Repair{Key: key, Hash: should})
	}
	return findings, repairs, at, nil
}

func kindOf(should, is map[string]string, at fold.Checkpoint) Kind {
	seq, err := strconv.ParseUint(is["seq"], 10, 64)
	switch {
	case is == nil:
		return Lost
	case err == nil && seq > at.Seq:
		return Ahead
	case should == nil:
		return Stray
	}
	return Differs
}
