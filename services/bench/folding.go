package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

// folding runs a worker's rules on all partitions, as the worker does.
type folding[S any] struct {
	rules   fold.Rules[S]
	metrics *prometheus.Registry
}

func newFolding[S any](rules fold.Rules[S]) *folding[S] {
	return &folding[S]{rules: rules, metrics: prometheus.NewRegistry()}
}

// done is the number of events that were folded, told and committed.
func (f *folding[S]) done() int {
	families, err := f.metrics.Gather()
	if err != nil {
		return 0
	}
	for _, family := range families {
		if family.GetName() == "softphone_fold_events_total" && len(family.GetMetric()) > 0 {
			return int(family.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return 0
}

func (f *folding[S]) run(ctx context.Context, w *world) error {
	log, err := w.log(ctx, f.rules.Worker)
	if err != nil {
		return err
	}
	defer log.Conn().Close()
	var client redis.UniversalClient
	if client, err = (process.Redis{URL: w.redisURL}).Connect(ctx, f.rules.Worker); err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	c := fold.Config{Log: log, Feed: eventlog.NewFeed(log, f.rules.Worker, fold.MaxBatch), Redis: client, Owner: "bench", Logger: silent, Metrics: fold.NewMetrics(f.metrics)}
	group, ctx := errgroup.WithContext(ctx)
	for partition := range events.Partitions {
		group.Go(func() error {
			return fold.Run(ctx, c, f.rules, partition, func(context.Context) error { return nil })
		})
	}
	return group.Wait()
}

// until runs it until so many events are done, and returns how long that took.
func (f *folding[S]) until(ctx context.Context, w *world, events int) (time.Duration, error) {
	done, took, err := timed(ctx, w, f, events, time.Hour)
	if err == nil && done < events {
		err = errUnfinished
	}
	return took, err
}

// foldContender is device-counter's fold.
type foldContender struct{ *folding[devicecounter.State] }

func newFoldContender() foldContender { return foldContender{newFolding(devicecounter.Rules())} }

// prepare folds the licenses.
func (foldContender) prepare(ctx context.Context, w *world, softphones []softphone) error {
	_, err := newFolding(devicecounter.Rules()).until(ctx, w, len(softphones))
	return err
}
