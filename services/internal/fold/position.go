package fold

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// checkPosition reads the checkpoint and compares it with the stream.
func (o *owner[S]) checkPosition(ctx context.Context) error {
	var err error
	// The stream is read last: under an earlier owner both may grow in between.
	o.checkpoint, err = o.store.checkpoint(ctx)
	if errors.Is(err, ErrDamaged) {
		return fmt.Errorf("partition %d of %s is refused: %w; fold this log from its beginning: `softphonectl rebuild %s`",
			o.partition, o.rules.Worker, err, o.rules.Worker)
	}
	if err != nil {
		return err
	}
	if o.stream, err = o.Log.StateAsOf(ctx, o.checkpoint.Seq); err != nil { // a leader that is behind has not lost its tail
		return err
	}
	o.fromStart = o.checkpoint == (Checkpoint{})
	switch {
	case o.fromStart:
		return nil
	case o.checkpoint.Stream != identity(o.stream):
		return o.refuse("the log is another stream", "the stream was deleted and created again, or Redis belongs to another system")
	case o.checkpoint.Seq > o.stream.Last:
		return o.refuse("the log ends before the checkpoint", "the stream was restored from an older copy or lost its tail")
	}
	return nil
}

// checkEvent compares the checkpoint's event with the log. It may only be missing if it was erased: if the leader does not
// have it yet, or cannot read it, going on would fold it twice.
func (o *owner[S]) checkEvent(ctx context.Context) error {
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
	return o.checkDigest(*stored)
}

// verifyFirst removes the checkpoint's event from the first messages of a reader.
func (o *owner[S]) verifyFirst(messages []eventlog.Message) ([]eventlog.Message, error) {
	if !o.expected || len(messages) == 0 {
		return messages, nil
	}
	o.expected = false
	if first := messages[0].Sequence; first != o.checkpoint.Seq {
		return nil, fmt.Errorf("%w: asked for sequence %d, got %d", eventlog.ErrGap, o.checkpoint.Seq, first)
	}
	return messages[1:], o.checkDigest(messages[0])
}

// checkDigest refuses an event that is not the checkpoint's.
func (o *owner[S]) checkDigest(m eventlog.Message) error {
	if digest(m) == o.checkpoint.Digest {
		return nil
	}
	return o.refuse(fmt.Sprintf("the log has another event at sequence %d (event %s)", o.checkpoint.Seq, digest(m)),
		"the stream lost its tail, or an older copy was restored and written to")
}

func (o *owner[S]) refuse(log, because string) *Refusal {
	return &Refusal{
		Worker: o.rules.Worker, Partition: o.partition,
		Log: fmt.Sprintf("%s: it was created %s and ends at sequence %d",
			log, created(identity(o.stream)), o.stream.Last),
		Checkpoint: o.checkpoint.String(),
		Repair:     because + ": put the right one back, or fold this log from its beginning: `softphonectl rebuild " + o.rules.Worker + "`",
	}
}

// compare checks, without traffic, that Redis still has what this owner wrote.
func (o *owner[S]) compare(ctx context.Context) error {
	o.step("compare")
	found, err := o.store.checkpoint(ctx)
	if err != nil {
		return err
	}
	if found != o.checkpoint {
		return errFenced
	}
	o.compared = time.Now()
	o.meter.progress.verified(o.compared)
	return nil
}

// heal counts, once, that Redis has lost what this worker wrote.
func (o *owner[S]) heal() {
	lost := o.checkpoint.Seq < o.lastWrite || o.fromStart && o.publishedThrough > 0
	if lost && !o.healing {
		o.healing = true
		o.meter.heals.Inc()
	}
}
