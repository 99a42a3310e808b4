package fold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// owner folds one partition. Its fields below the line are a tenure's.
type owner[S any, E Event] struct {
	Config
	rules     Rules[S, E]
	partition int
	check     func(context.Context) error
	store     *store
	meter     *meter
	refused   string // the refusal reported last, so that it is logged once

	fence      fence
	stream     eventlog.State // as seen when the tenure began
	checkpoint Checkpoint     // what this owner wrote last, or started from
	told       uint64         // outcomes of causes up to here are in the log
	anew       bool           // this tenure began before the first event
	expected   bool           // the reader's first message must be the checkpoint's event
	committed  bool           // this tenure has committed
	late       bool           // that it is behind was reported
	known      uint64         // sequence of the last checkpoint this owner wrote
	healing    bool           // that Redis lost it was counted
	compared   time.Time      // when the checkpoint was last seen to be this owner's
}

func newOwner[S any, E Event](c Config, rules Rules[S, E], partition int, check func(context.Context) error) *owner[S, E] {
	c.Logger = c.Logger.With().Int("partition", partition).Logger()
	if c.Far == 0 {
		c.Far = 10_000
	}
	if c.Late == 0 {
		c.Late = 10 * time.Second
	}
	o := &owner[S, E]{Config: c, rules: rules, partition: partition, check: check, meter: c.Metrics.of(rules.Worker, partition)}
	o.store = newStore(c.Redis, rules.Worker, partition)
	return o
}

// tenure goes through the steps of the package comment until something is off.
// It does not return nil.
func (o *owner[S, E]) tenure(ctx context.Context) error {
	o.committed = false
	// Whoever is refused, or has no Redis, comes back every few seconds: each time
	// with a fence it would fill the log.
	if err := o.locate(ctx); err != nil {
		return err
	}
	if err := o.locateEvent(ctx); err != nil {
		return err
	}
	o.step("fence")
	if err := o.raise(ctx); err != nil {
		return err
	}
	o.step("checkpoint")
	if err := o.locate(ctx); err != nil {
		return err
	}
	o.step("told")
	// Whatever an earlier owner told is before the fence.
	if err := o.Log.AsOf(ctx, o.fence.seq, func() (err error) {
		o.told, err = o.publishedThrough(ctx)
		return err
	}); err != nil {
		return err
	}
	o.heal()
	// What is far behind is read together with other partitions: once a tenure, for
	// where nothing is an input the checkpoint stays far behind.
	if o.Feed != nil && o.stream.Last > o.checkpoint.Seq+o.Far {
		err := o.follow(ctx, o.Feed.Read)
		if !errors.Is(err, eventlog.ErrCaughtUp) {
			return err
		}
	}
	return o.follow(ctx, o.alone)
}

// open starts a reader of everything in a partition, at a sequence.
type open func(ctx context.Context, partition int, from uint64) (*eventlog.Reader, error)

// alone is a reader of this owner's own.
func (o *owner[S, E]) alone(ctx context.Context, partition int, from uint64) (*eventlog.Reader, error) {
	return o.Log.ReadPartition(ctx, o.rules.Worker, partition, from)
}

// follow folds what a reader delivers, from the checkpoint on, until that ends.
func (o *owner[S, E]) follow(ctx context.Context, open open) error {
	o.step("reader")
	if err := o.locateEvent(ctx); err != nil {
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
		messages, err := reader.Batch(ctx, MaxBatch, untilLook(time.Now()))
		if err != nil {
			return err
		}
		if messages, err = o.recognize(messages); err != nil {
			return err
		}
		if err := o.take(ctx, messages, reader.Behind()); err != nil {
			return err
		}
	}
}

// take folds the inputs among some messages. Without any it looks, now and then,
// whether Redis still has what this owner wrote. So many wait behind them.
func (o *owner[S, E]) take(ctx context.Context, messages []eventlog.Message, behind uint64) error {
	o.meter.progress.waiting.Store(behind)
	if len(messages) > 0 {
		o.lags(messages[0].Time, behind)
	}
	inputs := slices.DeleteFunc(messages, func(m eventlog.Message) bool { return !slices.Contains(o.rules.Inputs, m.Of()) })
	if len(inputs) > 0 {
		o.meter.progress.took(inputs[0].Time, behind)
		return o.fold(ctx, inputs)
	}
	if time.Now().Truncate(idle).After(o.compared) || time.Since(o.compared) > 2*idle { // the clock may be set back
		return o.compare(ctx)
	}
	return nil
}

// untilLook is how long it is until all owners look whether Redis still has their
// checkpoints, when nothing else makes them. They look at the same moments: what was
// lost of all of them they then read together.
func untilLook(now time.Time) time.Duration { return now.Truncate(idle).Add(idle).Sub(now) }

// raise fences off whoever owned the partition before.
func (o *owner[S, E]) raise(ctx context.Context) error {
	if err := o.check(ctx); err != nil {
		return fmt.Errorf("%w: %w", errNotOwned, err)
	}
	var err error
	o.fence, err = raise(ctx, o.Log, eventlog.Fence(o.rules.Worker, o.partition), o.Owner)
	return err
}

// fold decides messages, tells what follows and commits.
func (o *owner[S, E]) fold(ctx context.Context, messages []eventlog.Message) (err error) {
	steps := o.deciding(ctx, messages)
	defer func() { steps.end(err) }()
	o.step("load")
	states, err := o.rules.recall(ctx, o.store, messages, o.checkpoint, o.again(messages[0]))
	if errors.Is(err, errTampered) { // with its state, which may be in the way of folding again too
		return errors.Join(err, o.store.reset(ctx, o.checkpoint, keysIn(messages)...))
	}
	if err != nil {
		return err
	}
	o.step("decide")
	b := o.rules.decide(messages, states, o.told)

	o.step("tell")
	steps.telling(b.outcomes)
	err = o.fence.tell(ctx, b.outcomes)
	steps.told(err)
	if err != nil {
		return err
	}
	if err := o.bury(ctx, b.dead); err != nil {
		return err
	}
	o.step("commit")
	next := o.checkpoint.after(identity(o.stream), b.last)
	if err := o.store.replace(ctx, o.checkpoint, next, b.states); err != nil {
		return err
	}
	o.checkpoint, o.committed, o.compared = next, true, time.Now()
	o.known, o.healing = next.Seq, false
	o.meter.folded(len(messages), b.outcomes)
	o.step("answer")
	o.answer(b.answers)
	return nil
}

// keysIn are the keys of some messages; one may be there twice.
func keysIn(messages []eventlog.Message) []eventlog.Key {
	keys := make([]eventlog.Key, len(messages))
	for i, m := range messages {
		keys[i] = m.Key()
	}
	return keys
}

// again tells that this tenure began before the first event, and still folds what
// was in the log then.
func (o *owner[S, E]) again(m eventlog.Message) bool { return o.anew && m.Sequence <= o.stream.Last }

// bury records what could not be decided before the checkpoint moves past it.
func (o *owner[S, E]) bury(ctx context.Context, dead []eventlog.DeadLetter) error {
	for _, d := range dead {
		d.Worker, d.Created, d.At = o.rules.Worker, o.stream.Created, time.Now()
		recorded, err := o.Log.Bury(ctx, d)
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

// answer tells callers, those that are thought to be waiting still.
func (o *owner[S, E]) answer(answers []answer) {
	for _, a := range answers {
		if !o.rules.answers(a.to) || (a.to.Sequence <= o.stream.Last && time.Since(a.to.Time) > fresh) {
			continue
		}
		if err := o.Log.Reply(a.to, a.answer); err != nil {
			a.to.Logger(o.Logger).Warn().Err(err).Msg("no answer sent")
		}
	}
}

func (o *owner[S, E]) step(name string) {
	if o.Step != nil {
		o.Step(name)
	}
}
