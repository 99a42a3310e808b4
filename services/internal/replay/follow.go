package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

var (
	// errBack says that the checkpoint in Redis went back during the comparison.
	errBack = errors.New("the checkpoint went back")

	// errForeign says that the log has another event at the checkpoint.
	errForeign = errors.New("the log has another event there")
)

// follower folds one partition in memory, up to its checkpoint.
type follower[S any] struct {
	*inspection
	*fold.Replay[S]
	inputs []events.Input

	reader *eventlog.Reader
	alone  bool               // it reads without the other partitions
	ready  []eventlog.Message // read, not folded
	last   eventlog.Message   // folded last
	opened uint64             // messages that waited when the reader was opened
	taken  uint64             // of these, read
	lost   int                // readers in a row without a message
	past   uint64             // a checkpoint's event that was deleted from the log
}

func newFollower[S any](i *inspection, rules fold.Rules[S]) *follower[S] {
	return &follower[S]{inspection: i, Replay: fold.NewReplay(rules), inputs: rules.Inputs}
}

// isInput reports whether a message is one of some inputs.
func isInput(inputs []events.Input, m eventlog.Message) bool {
	return slices.Contains(inputs, m.Input())
}

// leave stops reading together with other partitions, which must not wait for a follower that does something else.
// What follows is read alone.
func (f *follower[S]) leave() {
	f.close()
	f.alone, f.ready = true, nil
}

func (f *follower[S]) close() {
	if f.reader != nil {
		f.reader.Close()
		f.reader = nil
	}
}

// advance folds up to a checkpoint and verifies its event.
func (f *follower[S]) advance(ctx context.Context, to fold.Checkpoint) error {
	if to.Seq < max(f.Last(), f.past) {
		return errBack
	}
	if to.Seq == f.past {
		return nil
	}
	for silent := 0; f.Last() < to.Seq; {
		m, err := f.next(ctx)
		switch {
		case err != nil:
			return err
		case m != nil && m.Sequence <= to.Seq:
			f.ready = f.ready[1:]
			f.last = *m
			f.folded(*m, f.Fold(*m))
			silent = 0
			continue
		case m == nil && !f.alone:
			continue // other partitions receive theirs; the shared reader ends by itself
		case m == nil && f.taken < f.opened:
			if silent++; silent <= retries {
				continue
			}
			return fmt.Errorf("%w: nothing came for %s", eventlog.ErrGap, retries*wait)
		}
		// No more messages up to the checkpoint will come, or one is late.
		gone, err := f.gone(ctx, to.Seq)
		if err != nil {
			return err
		}
		if gone {
			f.past = to.Seq
			return nil
		}
		if silent++; m != nil || silent > retries {
			return errForeign
		}
	}
	if !to.Is(f.stream, f.last) {
		return errForeign
	}
	return nil
}

// wait is how long a follower waits for a message before it checks why there is none.
const wait = 500 * time.Millisecond

// next is the first input that is not folded; nil if none came for a while.
func (f *follower[S]) next(ctx context.Context) (*eventlog.Message, error) {
	for len(f.ready) == 0 {
		messages, err := f.batch(ctx)
		switch {
		case errors.Is(err, eventlog.ErrCaughtUp):
			f.leave()
			continue
		case errors.Is(err, eventlog.ErrGap) && ctx.Err() == nil:
			f.close() // and open another at the same position
			if f.lost++; f.lost > retries {
				return nil, fmt.Errorf("reading from sequence %d: %w", f.Last()+1, err)
			}
			return nil, sleep(ctx, retryPause)
		case err != nil || len(messages) == 0:
			return nil, err
		}
		f.lost = 0
		f.taken += uint64(len(messages))
		f.ready = slices.DeleteFunc(messages, func(m eventlog.Message) bool { return !isInput(f.inputs, m) })
	}
	return &f.ready[0], nil
}

// batch returns the next messages. After a lost reader, one that cannot be opened counts as lost too: the server may
// not be ready yet.
func (f *follower[S]) batch(ctx context.Context) ([]eventlog.Message, error) {
	if err := reconnected(ctx, f.Log); err != nil {
		return nil, err
	}
	switch err := f.open(ctx); {
	case err != nil && f.lost > 0:
		return nil, fmt.Errorf("%w: %w", eventlog.ErrGap, err)
	case err != nil:
		return nil, err
	}
	return f.reader.Batch(ctx, batch, wait)
}

// open starts a reader if there is none.
func (f *follower[S]) open(ctx context.Context) (err error) {
	switch {
	case f.reader != nil:
		return nil
	case f.alone:
		f.reader, err = f.Log.Read(ctx, readerName(), f.Last()+1, events.PartitionFilter(f.partition))
	default:
		f.reader, err = f.feed.Read(ctx, f.partition, f.Last()+1)
	}
	if err == nil {
		f.opened, f.taken = f.reader.Pending(), 0
	}
	return err
}

// gone reports whether the message at a sequence was deleted.
func (f *follower[S]) gone(ctx context.Context, sequence uint64) (bool, error) {
	m, err := f.Log.Get(ctx, sequence)
	return m == nil, err
}
