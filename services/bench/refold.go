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

	// twice is how often each device signs in, in the log to fold again.
	twice = 2
)

// inputsEach is what device-counter reads of an extension: a license, and four
// devices that sign in so many times.
func inputsEach(times int) int { return 1 + times*devicesEach }

// history is a log with all its outcomes told.
type history struct {
	extensions, inputs int
}

// write fills an empty log with the history of so many extensions: facts, and the
// outcomes that license and device-counter made of them. Events of one extension
// are as far apart as they can be, so that the fold profits little from batches. Each
// of four devices signs in so many times.
func (b *bench) write(ctx context.Context, extensions, times int) (history, error) {
	h := history{extensions: extensions, inputs: extensions * inputsEach(times)}
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
	for range times {
		for device := range devicesEach {
			if err := writer.signIn(ctx, softphones, device); err != nil {
				return history{}, err
			}
		}
	}
	return h, nil
}

// refold measures how fast the log is folded again when Redis has lost everything,
// and how fast a consumer that does nothing reads the same log. Both count
// messages delivered: the consumer every message of the log, device-counter those
// it reads.
func (b *bench) refold(ctx context.Context, h history, r *Refold) error {
	r.Extensions, r.Inputs = h.extensions, h.inputs
	for round := range b.sizes.RefoldRounds {
		b.progress.say("%s: reading raw, round %d of %d", b.mode(), round+1, b.sizes.RefoldRounds)
		messages, rate, err := b.raw(ctx)
		if err != nil {
			return fmt.Errorf("reading raw: %w", err)
		}
		r.Messages = messages
		r.Raw.add(rate)
		b.progress.say("%s: folding again, round %d of %d", b.mode(), round+1, b.sizes.RefoldRounds)
		if rate, err = b.again(ctx, h); err != nil {
			return fmt.Errorf("folding again: %w", err)
		}
		r.Fold.add(rate)
	}
	r.VersusRaw = atLeast(r.Fold.Median/r.Raw.Median, 0.5)
	return nil
}

// again empties Redis and folds the log. Nothing may be told.
func (b *bench) again(ctx context.Context, h history) (perSecond float64, err error) {
	if err := b.world.client.FlushAll(ctx).Err(); err != nil {
		return 0, err
	}
	before, err := b.messages(ctx)
	if err != nil {
		return 0, err
	}
	took, err := newFolding(devicecounter.Rules()).until(ctx, b.world, h.inputs)
	if err != nil {
		return 0, err
	}
	after, err := b.messages(ctx)
	if err != nil {
		return 0, err
	}
	if more := after - before; more > events.Partitions {
		return 0, fmt.Errorf("%d messages more in the log than the %d fences: outcomes were told again", more, events.Partitions)
	}
	return float64(h.inputs) / took.Seconds(), nil
}

// raw counts the messages of the log with an ordered consumer.
func (b *bench) raw(ctx context.Context) (messages int, perSecond float64, err error) {
	if messages, err = b.messages(ctx); err != nil {
		return 0, 0, err
	}
	conn, err := b.world.connect(ctx, "raw")
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	consumer, err := js.OrderedConsumer(ctx, events.Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return 0, 0, err
	}
	arrived, all := 0, make(chan struct{})
	consuming, err := consumer.Consume(func(jetstream.Msg) {
		if arrived++; arrived == messages {
			close(all)
		}
	})
	if err != nil {
		return 0, 0, err
	}
	defer consuming.Stop()
	select {
	case <-all:
		return messages, float64(messages) / time.Since(start).Seconds(), nil
	case <-ctx.Done():
		return 0, 0, ctx.Err()
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
