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

// publishedThrough is the cause of the worker's last outcome in the partition: what came up to there has its outcome. 0
// if there is none. One that names no cause, which only a fault or an intruder published, is a dead letter and counts for
// nothing: a refusal would last until somebody deleted it, and a partition is many tenants.
func (o *owner[S, E]) publishedThrough(ctx context.Context) (uint64, error) {
	last, err := o.Log.LastOutcome(ctx, o.partition, o.rules.Worker)
	if err != nil || last == nil {
		return 0, err
	}
	if cause, err := causeOf(*last); err == nil {
		return cause, nil
	}
	// The last that can be read is found from the checkpoint on: outcomes of later causes are later, and those of earlier
	// ones do not matter.
	var through uint64
	var dead []eventlog.DeadLetter
	subject := events.LogSubject(o.partition, o.rules.Worker, "*", "*", "*")
	for from := o.checkpoint.Seq + 1; ; {
		m, err := o.Log.NextOf(ctx, from, subject)
		if err != nil {
			return 0, err
		}
		if m == nil {
			return through, o.bury(ctx, dead)
		}
		from = m.Sequence + 1
		if cause, err := causeOf(*m); err != nil {
			dead = append(dead, eventlog.DeadLetter{Event: *m, Reason: err, Attempts: 1})
		} else {
			through = max(through, cause)
		}
	}
}

// causeOf is the sequence of an outcome's cause, which comes before it.
func causeOf(outcome eventlog.Message) (uint64, error) {
	header := outcome.Header.Get(events.HeaderCause)
	cause, err := strconv.ParseUint(header, 10, 64)
	if err != nil || cause == 0 || cause >= outcome.Sequence {
		return 0, fmt.Errorf("an outcome whose %s is %q, no earlier event: another program published it", events.HeaderCause, header)
	}
	return cause, nil
}
