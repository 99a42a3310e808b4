package main

import (
	"context"
	"time"
)

// workerMemory measures what a device-counter process needs to fold the log of many
// extensions and of few. It folds as many events of both: most of what it needs are
// messages on their way, and how many that are at most is also a matter of time.
func (b *bench) workerMemory(ctx context.Context, m *Memory) (err error) {
	if m.Large, err = b.weigh(ctx, b.sizes.Large, 1); err != nil {
		return err
	}
	if m.Small, err = b.weigh(ctx, b.sizes.Small, max(1, b.sizes.Large/b.sizes.Small)); err != nil {
		return err
	}
	m.Growth = atMost(m.Large.PeakRSS/m.Small.PeakRSS, 1.2)
	return nil
}

// weigh lets a worker fold so many events each of so many extensions.
func (b *bench) weigh(ctx context.Context, extensions, each int) (Worker, error) {
	b.progress.say("memory: a worker and %d extensions", extensions)
	if err := b.world.empty(ctx); err != nil {
		return Worker{}, err
	}
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return Worker{}, err
	}
	softphones := newSoftphones(extensions)
	for range each {
		if err := writer.grants(ctx, softphones); err != nil {
			return Worker{}, err
		}
	}
	counter, err := startCounter(b.world)
	if err != nil {
		return Worker{}, err
	}
	defer counter.stop()
	w := Worker{Extensions: extensions, Events: extensions * each}
	for {
		select {
		case <-ctx.Done():
			return w, ctx.Err()
		case <-counter.process.Done():
			return w, errUnfinished
		case <-time.After(100 * time.Millisecond):
		}
		now := counter.metrics(ctx)
		if now["softphone_fold_events_total"] < float64(w.Events) {
			continue
		}
		w.RSS, w.HeapInUse = now["process_resident_memory_bytes"], now["go_memstats_heap_inuse_bytes"]
		w.PeakRSS, err = counter.peak()
		return w, err
	}
}
