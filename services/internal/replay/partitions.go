package replay

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Check is what State and Decisions need.
type Check struct {
	Log        *eventlog.Log
	Redis      redis.UniversalClient // Decisions: nil if Redis is down
	Partitions []int                 // those to inspect
	Short      uint64                // messages; 0: 2,000,000. A log of at most that many is read in one pass
	Apply      bool                  // repair differences; State only

	// Called from several goroutines, one at a time. Any may be nil.
	Found  func(Finding)
	Folded func(events int)         // more events were folded
	Done   func(int, Summary) error // a partition is done
}

// Summary of a comparison, in numbers.
type Summary struct {
	Events      uint64 `json:"events"`   // folded
	Compared    uint64 `json:"compared"` // states, or outcomes
	Differences uint64 `json:"differences"`
	Repaired    uint64 `json:"repaired,omitempty"`   // of them
	Dead        uint64 `json:"dead,omitempty"`       // events that cannot be decided
	Gone        uint64 `json:"gone,omitempty"`       // outcomes whose cause was deleted
	Undecided   uint64 `json:"undecided,omitempty"`  // outcomes that the worker has not reached
	Unfinished  uint64 `json:"unfinished,omitempty"` // partitions that could not be compared
}

// Add adds the counts of t.
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

// inspection is a Check of one partition.
type inspection struct {
	Check
	*progress
	worker    string
	partition int
	stream    eventlog.State
	feed      *eventlog.Feed // for the partitions of its pass
	Summary
}

// progress of all partitions.
type progress struct {
	one   sync.Mutex // guards the callbacks and total
	total Summary
}

const (
	// onePassLimit is the default of Check.Short: so many messages come from 180,000 extensions with a license, its
	// e-mail and four devices, which need half a gigabyte. An interrupted run then loses at most 20 s of work.
	onePassLimit = 2_000_000

	// passSize is how many partitions are in a pass through a longer log. It costs the server and the reader half as
	// much again, and memory only for the extensions of these partitions.
	passSize = 2

	// bufferSize is how many messages a partition buffers until they are folded. With 512, the size of a batch
	// elsewhere, most of the memory would be these buffers.
	bufferSize = 64
)

// each inspects the partitions, those of a pass together, and returns the sum.
func (c Check) each(ctx context.Context, worker string, inspect func(context.Context, []*inspection) error) (Summary, error) {
	stream, err := c.Log.State(ctx)
	if err != nil {
		return Summary{}, err
	}
	together := events.Partitions
	if stream.Messages > cmp.Or(c.Short, onePassLimit) {
		together = passSize
	}
	progress := &progress{}
	feed := eventlog.NewFeed(c.Log, reader, bufferSize)
	for partitions := range slices.Chunk(c.Partitions, together) {
		pass := make([]*inspection, len(partitions))
		for n, p := range partitions {
			pass[n] = &inspection{Check: c, progress: progress, worker: worker, partition: p, stream: stream, feed: feed}
		}
		if err := inspect(ctx, pass); err != nil {
			return progress.total, err
		}
	}
	return progress.total, nil
}

// parallel calls do for all, at most atOnce at a time.
func parallel[T any](ctx context.Context, all []T, atOnce int, do func(T, context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, one := range all {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return do(one, ctx)
		})
	}
	return group.Wait()
}

// done reports that the partition is done.
func (i *inspection) done() error {
	i.one.Lock()
	defer i.one.Unlock()
	i.total.Add(i.Summary)
	if i.Done == nil {
		return nil
	}
	return i.Done(i.partition, i.Summary)
}

// read calls each with the messages of the partition, in order and once, up to the end of the log as of the last
// State.
func (i *inspection) read(ctx context.Context, each func(eventlog.Message) error) error {
	next := uint64(1)
	return persist(ctx, &next, func() error {
		if err := reconnected(ctx, i.Log); err != nil {
			return err
		}
		reader, err := i.feed.Read(ctx, i.partition, next)
		if err != nil {
			return unopenedError{err}
		}
		defer reader.Close()
		for next <= i.stream.Last {
			messages, err := reader.Batch(ctx, batch, readTimeout)
			if errors.Is(err, eventlog.ErrCaughtUp) {
				return nil
			}
			if err != nil {
				return err
			}
			for _, m := range messages {
				if m.Sequence <= i.stream.Last {
					if err := each(m); err != nil {
						return err
					}
				}
				next = m.Sequence + 1
			}
		}
		return nil
	})
}

// found counts and reports a finding.
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

// notThisLog reports a checkpoint of another log.
func (i *inspection) notThisLog(sequence uint64, why error) {
	i.found(Finding{Kind: NotThisLog, Sequence: sequence, Detail: why.Error() +
		": put the right log or Redis back, or fold this log from its beginning: `softphonectl rebuild " + i.worker + "`"})
}

// tick is how many events are folded between two reports of progress.
const tick = 256

// folded counts a folded event, and reports a dead letter.
func (i *inspection) folded(m eventlog.Message, fault error) {
	if i.Events++; i.Events%tick == 0 {
		i.say(tick)
	}
	if fault != nil {
		i.found(Finding{Kind: Dead, Key: m.Extension().String(), Sequence: m.Sequence, Detail: fault.Error()})
	}
}

func (i *inspection) say(n int) {
	if i.Folded == nil || n == 0 {
		return
	}
	i.one.Lock()
	defer i.one.Unlock()
	i.Folded(n)
}
