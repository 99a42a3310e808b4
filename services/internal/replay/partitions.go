package replay

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Check is what State and Decisions need.
type Check struct {
	Log        *eventlog.Log
	Redis      redis.UniversalClient // of Decisions: nil when there is none to ask
	Partitions []int                 // which to look at
	Parallel   int                   // how many at a time; 0: 2
	Apply      bool                  // repair what differs; only State

	// Called from several goroutines, one at a time. Any may be nil.
	Found  func(Finding)
	Folded func(events int)         // more events were folded
	Done   func(int, Summary) error // a partition is done
}

// Summary counts.
type Summary struct {
	Events      uint64 `json:"events"`               // folded
	Compared    uint64 `json:"compared"`             // states, or outcomes
	Differences uint64 `json:"differences"`          //
	Repaired    uint64 `json:"repaired,omitempty"`   // of them
	Dead        uint64 `json:"dead,omitempty"`       // events that cannot be decided
	Gone        uint64 `json:"gone,omitempty"`       // outcomes whose cause was deleted
	Undecided   uint64 `json:"undecided,omitempty"`  // outcomes that the worker has not come to
	Unfinished  uint64 `json:"unfinished,omitempty"` // partitions that could not be compared
}

// Add sums.
func (s *Summary) Add(t Summary) {
	s.Events += t.Events
	s.Compared += t.Compared
	s.Differences += t.Differences
	s.Repaired += t.Repaired
	s.Dead += t.Dead
	s.Gone += t.Gone
	s.Undecided += t.Undecided
	s.Unfinished += t.Unfinished
}

// inspection is a Check under way in one partition.
type inspection struct {
	Check
	worker    string
	partition int
	stream    eventlog.State
	one       *sync.Mutex // callbacks
	Summary
}

// each inspects the partitions and sums up.
func (c Check) each(ctx context.Context, worker string, inspect func(context.Context, *inspection) error) (Summary, error) {
	stream, err := c.Log.State(ctx)
	if err != nil {
		return Summary{}, err
	}
	if c.Parallel == 0 {
		c.Parallel = 2
	}
	var total Summary
	var one sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.Parallel)
	for _, p := range c.Partitions {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			i := &inspection{Check: c, worker: worker, partition: p, stream: stream, one: &one}
			if err := inspect(ctx, i); err != nil {
				return err
			}
			one.Lock()
			defer one.Unlock()
			total.Add(i.Summary)
			if c.Done != nil {
				return c.Done(p, i.Summary)
			}
			return nil
		})
	}
	return total, group.Wait()
}

// found reports.
func (i *inspection) found(f Finding) {
	f.Worker, f.Partition = i.worker, i.partition
	switch f.Kind {
	case Dead:
		i.Dead++
	case Gone:
		i.Gone++
	default:
		i.Differences++
	}
	if f.Repaired {
		i.Repaired++
	}
	if i.Found == nil {
		return
	}
	i.one.Lock()
	defer i.one.Unlock()
	i.Found(f)
}

// tick is how many events are folded between two words of progress.
const tick = 256

// folded counts what was folded, and reports what cannot be.
func (i *inspection) folded(d fold.Decided) {
	if i.Events++; i.Events%tick == 0 {
		i.progress(tick)
	}
	if d.Fault != nil {
		i.found(Finding{Kind: Dead, Key: slashed(d.Cause.Key()), Sequence: d.Cause.Sequence, Detail: d.Fault.Error()})
	}
}

func (i *inspection) progress(n int) {
	if i.Folded == nil || n == 0 {
		return
	}
	i.one.Lock()
	defer i.one.Unlock()
	i.Folded(n)
}
