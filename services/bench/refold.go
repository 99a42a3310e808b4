package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
)

const (
	devicesEach = 4

	// once is how often each device signs in, in the log to fold again: one that does
	// so again is not in a log, for whoever asks finds it known.
	once = 1
)

// messagesEach is how many messages the log then has of an extension: its enabling,
// its license, the e-mail with it, and each device with its outcome.
const messagesEach = 3 + 2*once*devicesEach

// inputsEach is what device-counter reads of an extension: a license, and four
// devices that sign in so many times.
func inputsEach(times int) int { return 1 + times*devicesEach }

// history is a log with all its outcomes told: each of four devices an extension signs
// in so many times.
type history struct {
	extensions, times, inputs int
}

// write fills an empty log with the history of so many extensions: facts, and what
// license, mailer and device-counter made of them. Events of one extension are as
// far apart as they can be, so that the fold profits little from batches. A log that
// is there from the measurement before is good for the next.
func (b *bench) write(ctx context.Context, extensions, times int) (history, error) {
	h := history{extensions: extensions, times: times, inputs: extensions * inputsEach(times)}
	if b.world.holds == h {
		return h, nil
	}
	b.progress.say("%s: writing a log of which device-counter reads %d events", b.mode(), h.inputs)
	if err := b.world.empty(ctx); err != nil {
		return history{}, err
	}
	softphones := newSoftphones(extensions)
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return history{}, err
	}
	if err := writer.license(ctx, softphones); err != nil {
		return history{}, err
	}
	if err := writer.mail(ctx, softphones); err != nil {
		return history{}, err
	}
	for range times {
		for device := range devicesEach {
			if err := writer.signIn(ctx, softphones, device); err != nil {
				return history{}, err
			}
		}
	}
	b.world.holds = h
	return h, nil
}

// refold measures how fast the log is folded again when Redis has lost everything,
// and how fast a consumer that does nothing reads the same log. Both go through
// every message of the log, and that is what is counted: device-counter too is
// delivered all of them, and skips those it does not read.
func (b *bench) refold(ctx context.Context, r *Refold) error {
	h, err := b.write(ctx, max(1, b.sizes.Refold/messagesEach), once)
	if err != nil {
		return err
	}
	r.Extensions, r.Inputs = h.extensions, h.inputs
	if r.Messages, err = b.messages(ctx); err != nil {
		return err
	}
	for round := range b.sizes.RefoldRounds {
		b.progress.say("%s: reading raw, round %d of %d", b.mode(), round+1, b.sizes.RefoldRounds)
		var took time.Duration
		if r.RawCPU, err = b.world.perMessage(r.Messages, func() (err error) { took, err = b.raw(ctx, r.Messages); return err }); err != nil {
			return fmt.Errorf("reading raw: %w", err)
		}
		r.Raw.add(float64(r.Messages) / took.Seconds())
		b.progress.say("%s: folding again, round %d of %d", b.mode(), round+1, b.sizes.RefoldRounds)
		if r.FoldCPU, err = b.world.perMessage(r.Messages, func() (err error) { took, err = b.again(ctx, h); return err }); err != nil {
			return fmt.Errorf("folding again: %w", err)
		}
		r.Fold.add(float64(r.Messages) / took.Seconds())
	}
	r.VersusRaw = atLeast(r.Fold.Median/r.Raw.Median, 0.5)
	return nil
}

// again empties Redis and folds the log. Nothing may be told.
func (b *bench) again(ctx context.Context, h history) (took time.Duration, err error) {
	if err := b.world.client.FlushAll(ctx).Err(); err != nil {
		return 0, err
	}
	before, err := b.messages(ctx)
	if err != nil {
		return 0, err
	}
	if took, err = newFolding(devicecounter.Rules()).until(ctx, b.world, h.inputs); err != nil {
		return 0, err
	}
	after, err := b.messages(ctx)
	if err != nil {
		return 0, err
	}
	if more := after - before; more > events.Partitions {
		return 0, fmt.Errorf("%d messages more in the log than the %d fences: outcomes were told again", more, events.Partitions)
	}
	return took, nil
}

// raw reads the log with an ordered consumer.
func (b *bench) raw(ctx context.Context, messages int) (took time.Duration, err error) {
	conn, err := b.world.connect(ctx, "raw")
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	consumer, err := js.OrderedConsumer(ctx, events.Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return 0, err
	}
	arrived, all := 0, make(chan struct{})
	consuming, err := consumer.Consume(func(jetstream.Msg) {
		if arrived++; arrived == messages {
			close(all)
		}
	})
	if err != nil {
		return 0, err
	}
	defer consuming.Stop()
	select {
	case <-all:
		return time.Since(start), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// messages is how many messages the log has.
func (b *bench) messages(ctx context.Context) (int, error) {
	stream, err := b.world.js.Stream(ctx, events.Stream)
	if err != nil {
		return 0, err
	}
	return int(stream.CachedInfo().State.Msgs), nil
}
