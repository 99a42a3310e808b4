package fold

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// locate reads where the partition is and holds it against the stream.
func (o *owner[S, E]) locate(ctx context.Context) error {
	var err error
	// The stream is asked last: meanwhile both may grow, under an earlier owner.
	o.checkpoint, err = o.store.checkpoint(ctx)
	if errors.Is(err, ErrDamaged) {
		return fmt.Errorf("partition %d of %s is refused: %w; fold this log from its beginning: `softphonectl rebuild %s`",
			o.partition, o.rules.Worker, err, o.rules.Worker)
	}
	if err != nil {
		return err
	}
	if o.stream, err = o.Log.StateAsOf(ctx, o.checkpoint.Seq); err != nil { // a leader that is behind lost no tail
		return err
	}
	o.anew = o.checkpoint == (Checkpoint{})
	switch {
	case o.anew:
		return nil
	case o.checkpoint.Stream != identity(o.stream):
		return o.refuse("the log is another stream", "the stream was deleted and created again, or Redis belongs to another system")
	case o.checkpoint.Seq > o.stream.Last:
		return o.refuse("the log ends before the checkpoint", "the stream was restored from an older copy or lost its tail")
	}
	return nil
}

// locateEvent holds the checkpoint's event against the log. Only one that was
// erased may be missing: taken for that, one that the leader does not have
// yet, or cannot read, would be folded twice.
func (o *owner[S, E]) locateEvent(ctx context.Context) error {
	o.expected = false
	if o.checkpoint == (Checkpoint{}) {
		return nil
	}
	stored, err := o.Log.At(ctx, o.checkpoint.Seq)
	if errors.Is(err, eventlog.ErrMissing) {
		return fmt.Errorf("partition %d of %s waits: its checkpoint is at an event that is not there: %w; put the store back, or fold what is left: "+
			"`softphonectl rebuild %s`", o.partition, o.rules.Worker, err, o.rules.Worker)
	}
	if err != nil || stored == nil {
		return err
	}
	o.expected = true
	return o.same(*stored)
}

// recognize takes the checkpoint's event off the first messages of a reader.
func (o *owner[S, E]) recognize(messages []eventlog.Message) ([]eventlog.Message, error) {
	if !o.expected || len(messages) == 0 {
		return messages, nil
	}
	o.expected = false
	if first := messages[0].Sequence; first != o.checkpoint.Seq {
		return nil, fmt.Errorf("%w: asked for sequence %d, got %d", eventlog.ErrGap, o.checkpoint.Seq, first)
	}
	return messages[1:], o.same(messages[0])
}

// same refuses another event than the checkpoint's in its place.
func (o *owner[S, E]) same(m eventlog.Message) error {
	if digest(m) == o.checkpoint.Digest {
		return nil
	}
	return o.refuse(fmt.Sprintf("the log has another event at sequence %d (event %s)", o.checkpoint.Seq, digest(m)),
		"the stream lost its tail, or an older copy was restored and written to")
}

func (o *owner[S, E]) refuse(log, because string) *Refusal {
	return &Refusal{
		Worker: o.rules.Worker, Partition: o.partition,
		Log: fmt.Sprintf("%s: it was created %s and ends at sequence %d",
			log, created(identity(o.stream)), o.stream.Last),
		Checkpoint: o.checkpoint.String(),
		Repair:     because + ": put the right one back, or fold this log from its beginning: `softphonectl rebuild " + o.rules.Worker + "`",
	}
}

// compare looks, without traffic, whether Redis still has what this owner wrote.
func (o *owner[S, E]) compare(ctx context.Context) error {
	o.step("compare")
	have, err := o.store.checkpoint(ctx)
	if err != nil {
		return err
	}
	if have != o.checkpoint {
		return errFenced
	}
	o.compared = time.Now()
	o.meter.progress.verified(o.compared)
	return nil
}

// heal counts, once, that Redis has lost what this worker had written.
func (o *owner[S, E]) heal() {
	lost := o.checkpoint.Seq < o.known || o.anew && o.told > 0
	if lost && !o.healing {
		o.healing = true
		o.meter.heals.Inc()
	}
}
