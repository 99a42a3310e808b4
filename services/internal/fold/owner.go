package fold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// owner folds one partition.
type owner[S any] struct {
	Config
	rules     Rules[S]
	partition int
	check     func(context.Context) error
	store     *store
	meter     *meter
	refused   string // the refusal reported last, so that it is logged once

	// Of this term:
	fence            fence
	stream           eventlog.State // at the start of the term
	checkpoint       Checkpoint     // what this owner wrote last, or started from
	publishedThrough uint64         // the outcomes of causes up to here are in the log
	fromStart        bool           // the term started before the first event
	expected         bool           // the reader's first message must be the checkpoint's event
	committed        bool           // this term has committed

	late      bool      // being behind was reported
	lastWrite uint64    // sequence of the last checkpoint this owner wrote
	healing   bool      // that Redis lost that checkpoint was counted
	compared  time.Time // when Redis last had this owner's checkpoint
}

func newOwner[S any](c Config, rules Rules[S], partition int, check func(context.Context) error) *owner[S] {
	c.Logger = c.Logger.With().Int("partition", partition).Logger()
	if c.Far == 0 {
		c.Far = 10_000
	}
	if c.Late == 0 {
		c.Late = 10 * time.Second
	}
	o := &owner[S]{Config: c, rules: rules, partition: partition, check: check, meter: c.Metrics.of(rules.Worker, partition)}
	o.store = newStore(c.Redis, rules.Worker, partition)
	return o
}

// term goes through the steps of the package comment until a fault ends it. It does not return nil.
func (o *owner[S]) term(ctx context.Context) error {
	o.committed = false
	// A refused owner, or one without Redis, tries again every few seconds. Checked before the fence, so that it does
	// not add a fence to the log each time.
	if err := o.checkPosition(ctx); err != nil {
		return err
	}
	if err := o.checkEvent(ctx); err != nil {
		return err
	}
	o.step("fence")
	if err := o.acquireFence(ctx); err != nil {
		return err
	}
	o.step("checkpoint")
	if err := o.checkPosition(ctx); err != nil {
		return err
	}
	o.step("published")
	// All outcomes of earlier owners are before the fence.
	if err := o.Log.AsOf(ctx, o.fence.seq, func() (err error) {
		o.publishedThrough, err = o.lastCause(ctx)
		return err
	}); err != nil {
		return err
	}
	o.heal()
	// Once a term, an owner that is far behind reads together with other partitions. Only once: in a partition without
	// inputs the checkpoint stays far behind.
	if o.Feed != nil && o.stream.Last > o.checkpoint.Seq+o.Far {
		err := o.follow(ctx, o.Feed.Read)
		if !errors.Is(err, eventlog.ErrCaughtUp) {
			return err
		}
	}
	return o.follow(ctx, o.openReader)
}

// open starts a reader of everything in a partition, at a sequence.
type open func(ctx context.Context, partition int, from uint64) (*eventlog.Reader, error)

// openReader opens a reader for this owner alone.
func (o *owner[S]) openReader(ctx context.Context, partition int, from uint64) (*eventlog.Reader, error) {
	return o.Log.ReadPartition(ctx, o.rules.Worker, partition, from)
}

// follow folds what a reader delivers, from the checkpoint on, until the reader fails.
func (o *owner[S]) follow(ctx context.Context, open open) error {
	o.step("reader")
	if err := o.checkEvent(ctx); err != nil {
		return err
	}
	reader, err := open(ctx, o.partition, max(1, o.checkpoint.Seq))
	if err != nil {
		return err
	}
	defer reader.Close()
	o.began()
	o.meter.progress.waiting.Store(reader.Pending())
	for {
		o.step("read")
		messages, err := reader.Batch(ctx, MaxBatch, untilCompare(time.Now()))
		if err != nil {
			return err
		}
		if messages, err = o.verifyFirst(messages); err != nil {
			return err
		}
		if err := o.take(ctx, messages, reader.Behind()); err != nil {
			return err
		}
	}
}

// take folds the inputs among some messages. Without inputs it compares the checkpoint once per interval. Behind is how
// many messages wait.
func (o *owner[S]) take(ctx context.Context, messages []eventlog.Message, behind uint64) error {
	o.meter.progress.waiting.Store(behind)
	if len(messages) > 0 {
		o.reportLag(messages[0].Time, behind)
	}
	inputs := slices.DeleteFunc(messages, func(m eventlog.Message) bool { return !o.rules.reads(m) })
	if len(inputs) > 0 {
		o.meter.progress.started(inputs[0].Time, behind)
		return o.fold(ctx, inputs)
	}
	// The second condition is for a clock that was set back.
	if time.Now().Truncate(compareInterval).After(o.compared) || time.Since(o.compared) > 2*compareInterval {
		return o.compare(ctx)
	}
	return nil
}

// untilCompare is the time until all owners compare their checkpoints. They do so at the same moments: if Redis lost all
// checkpoints, the owners then read the log together.
func untilCompare(now time.Time) time.Duration {
	return now.Truncate(compareInterval).Add(compareInterval).Sub(now)
}

// acquireFence shuts out earlier owners of the partition.
func (o *owner[S]) acquireFence(ctx context.Context) error {
	if err := o.check(ctx); err != nil {
		return fmt.Errorf("%w: %w", errNotOwned, err)
	}
	var err error
	o.fence, err = acquire(ctx, o.Log, events.FenceSubject(o.rules.Worker, o.partition), o.Owner)
	return err
}

// fold decides messages, publishes the outcomes and commits.
func (o *owner[S]) fold(ctx context.Context, messages []eventlog.Message) (err error) {
	steps := o.traceDecisions(ctx, messages)
	defer func() { steps.end(err) }()
	o.step("load")
	states, err := o.rules.load(ctx, o.store, messages, o.checkpoint, o.refolds(messages[0]))
	if errors.Is(err, errTampered) { // the state must go too: it may be in the way of the refold
		return errors.Join(err, o.store.reset(ctx, o.checkpoint, extensionsOf(messages)...))
	}
	if err != nil {
		return err
	}
	o.step("decide")
	b := o.rules.decideBatch(messages, states, o.publishedThrough)

	o.step("publish")
	steps.publishing(b.outcomes)
	err = o.fence.publish(ctx, b.outcomes)
	steps.published(err)
	if err != nil {
		return err
	}
	if err := o.recordDead(ctx, b.dead); err != nil {
		return err
	}
	o.step("commit")
	next := o.checkpoint.after(identity(o.stream), b.last)
	if err := o.store.replace(ctx, o.checkpoint, next, b.states); err != nil {
		return err
	}
	o.checkpoint, o.committed, o.compared = next, true, time.Now()
	o.lastWrite, o.healing = next.Seq, false
	o.meter.folded(len(messages), b.outcomes)
	o.step("answer")
	o.answer(b.answers)
	return nil
}

// extensionsOf lists what messages are about, in their order, some twice.
func extensionsOf(messages []eventlog.Message) []events.Extension {
	all := make([]events.Extension, len(messages))
	for i, m := range messages {
		all[i] = m.Extension()
	}
	return all
}

// refolds reports whether this term folds from the start and a message was in the log when it began.
func (o *owner[S]) refolds(m eventlog.Message) bool {
	return o.fromStart && m.Sequence <= o.stream.Last
}

// recordDead records dead letters, before the checkpoint moves past their events.
func (o *owner[S]) recordDead(ctx context.Context, dead []eventlog.DeadLetter) error {
	for _, d := range dead {
		d.Worker, d.Created, d.At = o.rules.Worker, o.stream.Created, time.Now()
		recorded, err := o.Log.RecordDead(ctx, d)
		if err != nil {
			return err
		}
		if recorded {
			o.meter.dead.Inc()
		}
		d.Event.Logger(o.Logger).Warn().Str("reason", d.Reason.Error()).Msg("dead letter")
	}
	return nil
}

// answer sends answers to the callers that may still be waiting.
func (o *owner[S]) answer(answers []answer) {
	for _, a := range answers {
		if !o.rules.answers(a.to) || (a.to.Sequence <= o.stream.Last && time.Since(a.to.Time) > answerWindow) {
			continue
		}
		if err := o.Log.Reply(a.to, a.answer); err != nil {
			a.to.Logger(o.Logger).Warn().Err(err).Msg("no answer sent")
		}
	}
}

func (o *owner[S]) step(name string) {
	if o.Step != nil {
		o.Step(name)
	}
}
