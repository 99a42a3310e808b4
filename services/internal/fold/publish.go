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

// batchFrom is the number of outcomes from which they are published in a batch, not one by one: an atomic batch has a
// fixed cost of about 4 ms, eight acknowledged publications one of 0.5 ms.
const batchFrom = 8

// outcome is an encoded outcome and the event that caused it.
type outcome struct {
	cause   eventlog.Message
	causeID string
	name    string
	subject string
	body    []byte
	trace   string // of its publication; "": its cause's
}

// fence is the right to publish in a term. A later fence takes it away.
type fence struct {
	log     *eventlog.Log
	subject string
	seq     uint64
}

// acquire fences off all earlier owners of the partition.
func acquire(ctx context.Context, log *eventlog.Log, subject, owner string) (fence, error) {
	m := nats.NewMsg(subject)
	m.Data = []byte(owner)
	receipt, err := log.Publish(ctx, m)
	if err != nil {
		return fence{}, fmt.Errorf("acquiring the fence: %w", err)
	}
	return fence{log: log, subject: subject, seq: receipt.Sequence}, nil
}

// publish publishes outcomes in order. After an error a prefix of them is stored, and only the log knows which.
func (f fence) publish(ctx context.Context, outcomes []outcome) error {
	switch {
	case len(outcomes) < batchFrom:
		return f.oneByOne(ctx, outcomes)
	case f.log.FastBatches():
		return f.fast(ctx, outcomes)
	}
	return f.atomic(ctx, outcomes)
}

// atomic stores all or none. The guard of the first message holds for all.
func (f fence) atomic(ctx context.Context, outcomes []outcome) error {
	batch := make([]*nats.Msg, len(outcomes))
	for i, o := range outcomes {
		batch[i] = o.message()
	}
	f.guard(batch[0])
	_, err := jetstreamext.PublishMsgBatch(ctx, f.log.JetStream(), batch)
	if err != nil {
		return publishing(outcomes, err)
	}
	return nil
}

// fast stores all or a prefix: the server stops at the first message that is missing or refused. It may then acknowledge
// what it has as if that were all (measured: 4 of 10), so the last outcome is looked up.
func (f fence) fast(ctx context.Context, outcomes []outcome) error {
	batch, err := jetstreamext.NewFastPublisher(f.log.JetStream())
	if err != nil {
		return publishing(outcomes, err)
	}
	last := len(outcomes) - 1
	for _, o := range outcomes[:last] {
		m := o.message()
		f.guard(m)
		if _, err := batch.AddMsg(m); err != nil {
			_, _ = batch.Close(ctx) // frees the batch; what it stored is a prefix
			return publishing(outcomes, err)
		}
	}
	m := outcomes[last].message()
	f.guard(m)
	ack, err := batch.CommitMsg(ctx, m)
	if err != nil {
		return publishing(outcomes, err)
	}
	stored, err := f.log.Get(ctx, ack.Sequence)
	if err != nil {
		return publishing(outcomes, err)
	}
	if stored == nil || stored.Header.Get(events.HeaderCauseID) != outcomes[last].causeID {
		return publishing(outcomes, fmt.Errorf("the server stored only the first %d", ack.BatchSize))
	}
	return nil
}

func publishing(outcomes []outcome, err error) error {
	return fmt.Errorf("publishing %d outcomes: %w", len(outcomes), err)
}

func (f fence) oneByOne(ctx context.Context, outcomes []outcome) error {
	for _, o := range outcomes {
		m := o.message()
		f.guard(m)
		if _, err := f.log.Publish(ctx, m); err != nil {
			return fmt.Errorf("publishing an outcome: %w", err)
		}
	}
	return nil
}

// guard makes the server refuse the message once a later owner has acquired the fence.
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
	if o.trace == "" { // not traced here, but its readers may trace it
		o.trace = tracing.Header(o.cause.Header)
	}
	if o.trace != "" {
		m.Header.Set(events.HeaderTraceParent, o.trace)
	}
	return m
}

// lastCause is the cause of the worker's last outcome in the partition; 0 without outcomes. The outcomes of all causes up
// to it are published. An outcome without a cause comes from a fault or an intruder. It becomes a dead letter and counts
// for nothing: a refusal would last until an operator deleted it, and stop many tenants.
func (o *owner[S]) lastCause(ctx context.Context) (uint64, error) {
	last, err := o.Log.LastOutcome(ctx, o.partition, o.rules.Worker)
	if err != nil || last == nil {
		return 0, err
	}
	if cause, err := causeOf(*last); err == nil {
		return cause, nil
	}
	// Look for the last readable one, from the checkpoint on: outcomes of later causes come later, and outcomes of
	// earlier causes do not matter.
	var through uint64
	var dead []eventlog.DeadLetter
	subject := events.LogSubject(o.partition, o.rules.Worker, "*", "*", "*")
	for from := o.checkpoint.Seq + 1; ; {
		m, err := o.Log.NextOf(ctx, from, subject)
		if err != nil {
			return 0, err
		}
		if m == nil {
			return through, o.recordDead(ctx, dead)
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
