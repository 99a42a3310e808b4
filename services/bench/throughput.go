package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

const (
	// many is how many events the contenders that do not keep order have in hand.
	many = 64

	// signInsEach is how many devices sign in on an extension: four get a seat, the
	// fifth is told that there is none.
	signInsEach = 5

	// look is how often a contender is asked how far it is. Every 2 ms, the answer
	// of one that tells by its metrics took 5 % of the processor.
	look = 10 * time.Millisecond
)

var errUnfinished = errors.New("it did not finish")

// throughput measures how many sign-ins a second each contender turns into
// outcomes, from its start until all are in the log and committed or
// acknowledged, or the time is up. The log is the same for each.
func (b *bench) throughput(ctx context.Context, t *Throughput) error {
	contenders := []struct {
		name string
		make func() contender
		into *Spread
	}{
		{"fold", func() contender { return newFoldContender() }, &t.Fold},
		{"by hand, in order", func() contender { return &byHand{goroutines: 1} }, &t.InOrder},
		{"by hand, 64 goroutines", func() contender { return &byHand{goroutines: many} }, &t.Many},
		{"watermill", func() contender { return &watermillHandler{} }, &t.Watermill},
	}
	for round := range b.sizes.Rounds {
		for _, c := range contenders {
			b.progress.say("%s: round %d of %d: %s", b.mode(), round+1, b.sizes.Rounds, c.name)
			rate, err := b.race(ctx, c.make())
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.into.add(rate)
		}
	}
	t.VersusInOrder = atLeast(t.Fold.Median/t.InOrder.Median, 8)
	t.VersusMany = atLeast(t.Fold.Median/t.Many.Median, 1.5)
	t.VersusWatermill = atLeast(t.Fold.Median/t.Watermill.Median, 1.5)
	return nil
}

// race lets one contender work on a fresh log and returns its events a second.
func (b *bench) race(ctx context.Context, c contender) (float64, error) {
	if err := b.world.empty(ctx); err != nil {
		return 0, err
	}
	softphones := newSoftphones(max(1, b.sizes.SignIns/signInsEach))
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return 0, err
	}
	if err := writer.license(ctx, softphones); err != nil {
		return 0, err
	}
	if err := c.prepare(ctx, b.world, softphones); err != nil {
		return 0, err
	}
	if writer, err = newWriter(ctx, b.world.js); err != nil { // prepare may have written
		return 0, err
	}
	for device := range signInsEach {
		for i := range softphones {
			if _, err := writer.fact(ctx, softphones[i].signedIn(device)); err != nil {
				return 0, err
			}
		}
	}
	if err := writer.flush(ctx); err != nil {
		return 0, err
	}
	before := writer.last
	done, took, err := timed(ctx, b.world, c, signInsEach*len(softphones), b.sizes.Limit)
	if err != nil {
		return 0, err
	}
	return float64(done) / took.Seconds(), b.told(ctx, before, done)
}

// told checks that so many outcomes are in the log, so that nobody is fast by
// leaving out work.
func (b *bench) told(ctx context.Context, before uint64, done int) error {
	stream, err := b.world.js.Stream(ctx, events.Stream)
	if err != nil {
		return err
	}
	if stored := stream.CachedInfo().State.LastSeq - before; stored < uint64(done) {
		return fmt.Errorf("%d events are done, but only %d outcomes are in the log", done, stored)
	}
	return nil
}

// runner is something that works until its context ends and knows how far it is.
type runner interface {
	run(ctx context.Context, w *world) error
	done() int
}

// timed starts a runner and stops it when it has done so much or the limit is
// over. It returns what was done and how long that took, start included.
func timed(ctx context.Context, w *world, r runner, enough int, limit time.Duration) (done int, took time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	start := time.Now()
	go func() { ended <- r.run(ctx, w) }()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for took < limit && done < enough {
		select {
		case err := <-ended:
			return done, took, errors.Join(errUnfinished, err)
		case <-ticker.C:
			done = r.done()
			took = time.Since(start)
		}
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		return done, took, err
	}
	return done, took, nil
}
