package replay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

const (
	// readSize is how many states are read at one moment.
	readSize = 256

	// repairTimeout is how long a repair competes with the commits of a busy owner. A try takes a millisecond or two,
	// about as long as the time between commits.
	repairTimeout = 20 * time.Second
)

// states compares one partition.
type states[S any] struct {
	*follower[S]
	kept    fold.States
	from    fold.Checkpoint    // the first one; zero: the owner has not started
	there   int                // number of states in Redis
	strange []events.Extension // of these, those that the log did not have yet
	fault   error              // why the partition cannot be compared
}

func newStates[S any](i *inspection, rules fold.Rules[S]) *states[S] {
	return &states[S]{follower: newFollower(i, rules), kept: fold.StatesOf(i.Redis, rules.Worker, i.partition)}
}

// begin folds up to the checkpoint.
func (s *states[S]) begin(ctx context.Context) (err error) {
	if s.from, err = s.kept.Checkpoint(ctx); errors.Is(err, fold.ErrDamaged) {
		s.fault = err
		return nil
	}
	if err != nil || s.from == (fold.Checkpoint{}) {
		return err
	}
	// The stream is read after the checkpoint: both grow in between.
	if s.stream, err = s.Log.State(ctx); err != nil {
		return err
	}
	if s.fault = s.from.Of(s.stream); s.fault != nil {
		return nil
	}
	defer s.leave()
	return s.ours(s.advance(ctx, s.from))
}

// ours stores an error that concerns this partition alone, and returns any other.
func (s *states[S]) ours(err error) error {
	switch {
	case errors.Is(err, errForeign):
		s.fault = fmt.Errorf("%s, but %w", s.from, err)
	case errors.Is(err, errBack):
		s.fault = err
	default:
		return err
	}
	return nil
}

// add takes some of the extensions that have a state in Redis.
func (s *states[S]) add(keys []events.Extension) {
	s.there += len(keys)
	s.strange = append(s.strange, slices.DeleteFunc(keys, s.Has)...)
}

// finish compares, and reports what cannot be compared.
func (s *states[S]) finish(ctx context.Context) error {
	if err := s.compareAll(ctx); err != nil {
		return err
	}
	s.say(int(s.Events % tick))
	switch {
	case errors.Is(s.fault, errBack):
		return nil // it is compared again
	case s.fault != nil:
		s.Unfinished++
		s.notThisLog(s.from.Seq, s.fault)
	}
	return s.done()
}

func (s *states[S]) compareAll(ctx context.Context) error {
	switch {
	case s.fault != nil:
		return nil
	case s.from == (fold.Checkpoint{}):
		return s.withoutCheckpoint(ctx)
	}
	slices.SortFunc(s.strange, events.Extension.Compare)
	for keys := range slices.Chunk(slices.Concat(s.Extensions(), slices.Compact(s.strange)), readSize) {
		if err := s.compare(ctx, keys); err != nil {
			return s.ours(err)
		}
	}
	return nil
}

// withoutCheckpoint reports a partition that its owner folds from the beginning.
func (s *states[S]) withoutCheckpoint(ctx context.Context) error {
	var filters []string
	for _, input := range s.inputs {
		filters = append(filters, input.Filter(s.partition))
	}
	waiting, err := Count(ctx, s.Log, Range{Filters: filters})
	if err != nil || s.there == 0 && waiting == 0 {
		return err
	}
	s.Unfinished++
	s.found(Finding{Kind: NoCheckpoint, Detail: fmt.Sprintf(
		"%d states and %d events in the log: the worker folds them from the beginning as soon as it runs", s.there, waiting)})
	return nil
}

// compare compares some states with the fold, and repairs them if asked to.
func (s *states[S]) compare(ctx context.Context, keys []events.Extension) error {
	s.Compared += uint64(len(keys))
	for end := time.Now().Add(repairTimeout); ; {
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
			keys = append(keys, r.Extension)
		}
		if err := sleep(ctx, rand.N(time.Millisecond)); err != nil {
			return err
		}
	}
}

func (s *states[S]) report(findings []Finding, repaired bool) {
	for _, f := range findings {
		f.Repaired = repaired
		s.found(f)
	}
}

// look reads some states and their checkpoint, and folds up to it.
func (s *states[S]) look(ctx context.Context, keys []events.Extension) (findings []Finding, repairs []fold.Repair, at fold.Checkpoint, err error) {
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
		findings = append(findings, Finding{Kind: kindOf(should, hashes[n], at), Key: key.String(), Sequence: at.Seq, Fields: fields})
		repairs = append(repairs, fold.Repair{Extension: key, Hash: should})
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
