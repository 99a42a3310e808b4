package fold

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// few outcomes are published one by one: an atomic batch has a fixed cost of
// about 4 ms, eight acknowledged publications one of 0.5 ms.
const few = 8

// outcome is an encoded outcome and the event that caused it.
type outcome struct {
	cause   eventlog.Message
	causeID string
	name    string
	subject string
	body    []byte
	trace   string // of which telling it is a step; "": its cause's
}

// fence is a tenure's right to publish: whoever fences later takes it away.
type fence struct {
	log     *eventlog.Log
	subject string
	seq     uint64
}

// raise fences off all earlier owners of the partition.
func raise(ctx context.Context, log *eventlog.Log, subject, owner string) (fence, error) {
	m := nats.NewMsg(subject)
	m.Data = []byte(owner)
	receipt, err := log.Publish(ctx, m)
	if err != nil {
		return fence{}, fmt.Errorf("raising the fence: %w", err)
	}
	return fence{log: log, subject: subject, seq: receipt.Sequence}, nil
}

// tell publishes outcomes in order. After an error a prefix of them is stored, or
// a later one is not; which one, only the log knows.
func (f fence) tell(ctx context.Context, outcomes []outcome) error {
	switch {
	case len(outcomes) < few:
		return f.oneByOne(ctx, outcomes)
	case f.log.FastBatches():
		return f.fast(ctx, outcomes)
	}
	return f.atomic(ctx, outcomes)
}

// atomic stores all or none. The guard of the first message is that of all.
func (f fence) atomic(ctx context.Context, outcomes []outcome) error {
	batch := make([]*nats.Msg, len(outcomes))
	for i, o := range outcomes {
		batch[i] = o.message()
	}
	f.guard(batch[0])
	_, err := jetstreamext.PublishMsgBatch(ctx, f.log.JetStream(), batch)
	if err != nil {
		return fmt.Errorf("telling %d outcomes: %w", len(outcomes), err)
	}
	return nil
}

// fast stores all or a prefix: the server stops at the first message that is
// missing or refused. It may then acknowledge what it has as if that were all
// (measured: 4 of 10), so the last outcome is looked up.
func (f fence) fast(ctx context.Context, outcomes []outcome) error {
	batch, err := jetstreamext.NewFastPublisher(f.log.JetStream())
	if err != nil {
		return fmt.Errorf("telling %d outcomes: %w", len(outcomes), err)
	}
	last := len(outcomes) - 1
	for _, o := range outcomes[:last] {
		m := o.message()
		f.guard(m)
		if _, err := batch.AddMsg(m); err != nil {
			_, _ = batch.Close(ctx) // frees what it has; what it stored is a prefix
			return fmt.Errorf("telling %d outcomes: %w", len(outcomes), err)
		}
	}
	m := outcomes[last].message()
	f.guard(m)
	ack, err := batch.CommitMsg(ctx, m)
	if err != nil {
		return fmt.Errorf("telling %d outcomes: %w", len(outcomes), err)
	}
	stored, err := f.log.Get(ctx, ack.Sequence)
	if err != nil {
		return fmt.Errorf("telling %d outcomes: %w", len(outcomes), err)
	}
	if stored == nil || stored.Header.Get(events.HeaderCauseID) != outcomes[last].causeID {
		return fmt.Errorf("telling %d outcomes: the server stored only the first %d", len(outcomes), ack.BatchSize)
	}
	return nil
}

func (f fence) oneByOne(ctx context.Context, outcomes []outcome) error {
	for _, o := range outcomes {
		m := o.message()
		f.guard(m)
		if _, err := f.log.Publish(ctx, m); err != nil {
			return fmt.Errorf("telling an outcome: %w", err)
		}
	}
	return nil
}

// guard makes the server refuse the message once the fence has been raised again.
func (f fence) guard(m *nats.Msg) {
	eventlog.Expect(m, f.subject, f.seq)
}

func (o outcome) message() *nats.Msg {
	m := &nats.Msg{
		Subject: o.subject,
		Data:    o.body,
		Header: nats.Header{
			events.HeaderCause:   {strconv.FormatUint(o.cause.Sequence, 10)},
			events.HeaderCauseID: {o.causeID},
		},
	}
	if o.trace == "" { // not traced here, but perhaps by who comes after
		o.trace = tracing.Header(o.cause.Header)
	}
	if o.trace != "" {
		m.Header.Set(events.HeaderTraceParent, o.trace)
	}
	return m
}

// told reads the cause of a worker's last outcome in a partition, 0 if there is
// none.
func told(ctx context.Context, log *eventlog.Log, worker string, partition int) (uint64, error) {
	last, err := log.LastOutcome(ctx, partition, worker)
	if err != nil || last == nil {
		return 0, err
	}
	cause, err := strconv.ParseUint(last.Header.Get(events.HeaderCause), 10, 64)
	if err != nil {
		return 0, &Refusal{
			Worker: worker, Partition: partition,
			Log:        fmt.Sprintf("its last outcome, sequence %d (%s), names no cause in %s", last.Sequence, last.Subject, events.HeaderCause),
			Checkpoint: "without it nobody knows what has been told",
			Repair:     "delete that message from the stream if another program published it",
		}
	}
	return cause, nil
}
