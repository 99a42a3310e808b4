package react

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// supervise gives the breaker a consumer that is right. It checks it every Check, and at
// once when a slot had trouble with it.
func (r *reactor) supervise(ctx context.Context) {
	troubled := r.Recover.Backoff()
	for {
		consumer, err := r.look(ctx)
		if ctx.Err() != nil {
			return
		}
		r.breaker.attach(consumer)
		r.report(err)
		wait := r.Check
		if err == nil {
			troubled.Reset()
		} else {
			wait = min(wait, troubled.NextBackOff())
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.trouble:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// look finds or makes the durable, and compares it with the log.
func (r *reactor) look(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	consumer, err := r.find(ctx)
	if err != nil {
		return nil, err
	}
	info := consumer.CachedInfo()
	known := max(r.seen.Load(), info.Delivered.Stream)
	state, err := r.Log.StateAsOf(ctx, known) // asked after what is known: the log may have grown since, not shrunk
	if err != nil {
		return nil, err
	}
	if err := r.compare(info, known, state); err != nil {
		return nil, err
	}
	r.created.Store(&state.Created)
	r.saw(state.Last)
	r.Metrics.looked(r.Durable, info, r.oldest(ctx, info))
	if info.Paused {
		return consumer, fmt.Errorf("somebody paused consumer %s, for %s: `nats consumer resume %s %s` ends that",
			r.Durable, info.PauseRemaining.Round(time.Second), events.Stream, r.Durable)
	}
	return consumer, nil
}

// find returns the durable with a configuration like ours.
func (r *reactor) find(ctx context.Context) (jetstream.Consumer, error) {
	js := r.Log.JetStream()
	consumer, err := js.Consumer(ctx, events.Stream, r.Durable)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return nil, fmt.Errorf("looking for consumer %s: %w", r.Durable, err)
	}
	if err == nil && r.alike(consumer.CachedInfo().Config) {
		return consumer, nil
	}
	if r.Log.Imported() {
		return r.ours(consumer, err)
	}
	state, stateErr := r.Log.State(ctx)
	if stateErr != nil {
		return nil, stateErr
	}
	want := r.consumer(state.Created)
	if err == nil {
		want.Metadata = consumer.CachedInfo().Config.Metadata // what it began with, it began with
	} else if remembered := r.created.Load(); remembered != nil && !remembered.Equal(state.Created) {
		return nil, r.other(state, *remembered)
	}
	if consumer, err = js.CreateOrUpdateConsumer(ctx, events.Stream, want); err != nil {
		return nil, fmt.Errorf("setting up consumer %s: %w", r.Durable, err)
	}
	r.Logger.Info().Strs("inputs", want.FilterSubjects).Msg("durable consumer set up")
	return consumer, nil
}

// ours checks the durable of a log that belongs to another account, where only setup makes
// or changes one.
func (r *reactor) ours(consumer jetstream.Consumer, err error) (jetstream.Consumer, error) {
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w: run `softphonectl setup`", r.Durable, err)
	}
	if !sameSet(consumer.CachedInfo().Config.FilterSubjects, r.consumer(time.Time{}).FilterSubjects) {
		return nil, fmt.Errorf("consumer %s is of another version, its inputs are %s: run `softphonectl setup` of this one",
			r.Durable, strings.Join(consumer.CachedInfo().Config.FilterSubjects, ", "))
	}
	return consumer, nil
}

// Ensure creates the durable, or brings it to this configuration, on a log of that
// creation time. It needs the rights of setup.
func Ensure(ctx context.Context, js jetstream.JetStream, c Config, created time.Time) error {
	want := c.withDefaults().consumer(created)
	if have, err := js.Consumer(ctx, events.Stream, c.Durable); err == nil {
		want.Metadata = have.CachedInfo().Config.Metadata // what it began with, it began with
	}
	if _, err := js.CreateOrUpdateConsumer(ctx, events.Stream, want); err != nil {
		return fmt.Errorf("setting up consumer %s: %w", c.Durable, err)
	}
	return nil
}

// oldest is when the log stored the first event that is not done; the zero time when all
// are done, or when that cannot be read now.
func (r *reactor) oldest(ctx context.Context, info *jetstream.ConsumerInfo) time.Time {
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return time.Time{}
	}
	var first eventlog.Message
	for _, input := range r.Inputs {
		m, err := r.Log.NextOf(ctx, info.AckFloor.Stream+1, input.Filter(events.AnyPartition))
		if err == nil && m != nil && (first.Sequence == 0 || m.Sequence < first.Sequence) {
			first = *m
		}
	}
	return first.Time
}

// alike reports whether a consumer is configured as ours should be.
func (r *reactor) alike(have jetstream.ConsumerConfig) bool {
	want := r.consumer(time.Time{})
	return sameSet(have.FilterSubjects, want.FilterSubjects) && have.AckWait == want.AckWait &&
		have.MaxAckPending == want.MaxAckPending && have.MaxDeliver == want.MaxDeliver && have.MaxWaiting == want.MaxWaiting
}

func sameSet(a, b []string) bool {
	in := map[string]bool{}
	for _, s := range a {
		in[s] = true
	}
	for _, s := range b {
		if !in[s] {
			return false
		}
	}
	return len(a) == len(b)
}

// saw records that the log reaches a sequence.
func (r *reactor) saw(sequence uint64) {
	for {
		known := r.seen.Load()
		if sequence <= known || r.seen.CompareAndSwap(known, sequence) {
			return
		}
	}
}

// compare refuses a log that is not the one this durable, or this process, has
// worked on: by its creation, and by the sequence known to exist.
func (r *reactor) compare(info *jetstream.ConsumerInfo, known uint64, state eventlog.State) error {
	if began := info.Config.Metadata[createdKey]; began != "" && began != instant(state.Created) {
		t, err := time.Parse(time.RFC3339Nano, began)
		if err != nil {
			return fmt.Errorf("consumer %s: metadata %s: %w", r.Durable, createdKey, err)
		}
		return r.other(state, t)
	}
	if remembered := r.created.Load(); remembered != nil && !remembered.Equal(state.Created) {
		return r.other(state, *remembered)
	}
	if known > state.Last {
		return &Refusal{
			Durable: r.Durable,
			Log:     fmt.Sprintf("it ends at sequence %d", state.Last),
			Durably: fmt.Sprintf("it has had sequence %d", known),
			Repair: "the stream lost its tail or an older copy was restored: put the right one back, or delete consumer " +
				r.Durable + " and start this worker again to go through the log from its beginning, acting on what has no outcome in it",
		}
	}
	return nil
}

func (r *reactor) other(state eventlog.State, began time.Time) *Refusal {
	return &Refusal{
		Durable: r.Durable,
		Log:     "it was created " + instant(state.Created),
		Durably: "the work began on one created " + instant(began),
		Repair: "the stream was deleted and created again: put the right one back, or delete consumer " + r.Durable +
			" and start this worker again to work on the new one from its beginning",
	}
}

// report reports the state to health, and to the log when it changed.
func (r *reactor) report(err error) {
	var refusal *Refusal
	refused := errors.As(err, &refusal) || errors.Is(err, eventlog.ErrUnfit)
	part := LogPart(r.Durable)
	if refused {
		r.Health.Broken(part, err)
	} else {
		r.Health.Broken(part, nil)
		r.Health.NotReady(part, err)
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == r.reported {
		return
	}
	r.reported = text
	switch {
	case refused:
		r.Logger.Error().Err(err).Msg("the log is refused")
	case err != nil:
		r.Logger.Warn().Err(err).Msg("no work: the consumer cannot be reached")
	default:
		r.Logger.Info().Msg("working")
	}
}
