package worker

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/ask"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/lease"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

// Config of a folding worker, from the environment.
type Config struct {
	process.Config
	NATS    process.NATS
	Redis   process.Redis
	Replica string `env:"SOFTPHONE_REPLICA"` // a name of its own, kept over restarts; "" makes one
}

// Answer makes the reply of ask.<worker>.get from a state.
type Answer[S any] func(state S, current bool) any

// Run folds and answers until the context ends. It returns an error for what it
// cannot start without.
func Run[S any](ctx context.Context, c Config, rules Rules[S], answer Answer[S]) error {
	conn, err := c.Host.ConnectNATS(ctx, c.NATS, rules.Worker)
	if err != nil {
		return err
	}
	defer conn.Close()
	client, err := c.Redis.Connect(ctx, rules.Worker)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	log, err := process.Await(ctx, c.Host, func(ctx context.Context) (*eventlog.Log, error) { return eventlog.Open(ctx, conn) })
	if err != nil {
		return err
	}
	bucket, err := process.Await(ctx, c.Host, func(ctx context.Context) (lease.Bucket, error) {
		return lease.Open(ctx, log.JetStream(), events.LeaseBucket)
	})
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return fmt.Errorf("key-value bucket %s: %w", events.LeaseBucket, eventlog.ErrNoStream)
	}
	if err != nil {
		return err
	}
	stop, err := serve(log, client, c.Host, rules, answer)
	if err != nil {
		return err
	}
	defer stop()
	return own(ctx, c, log, client, bucket, rules)
}

// own folds this replica's share of the partitions.
func own[S any](ctx context.Context, c Config, log *eventlog.Log, client redis.UniversalClient, bucket lease.Bucket, rules Rules[S]) error {
	replica := c.replica()
	folding := fold.Config{
		Log: log, Feed: eventlog.NewFeed(log, rules.Worker, fold.MaxBatch), Redis: client, Owner: replica,
		Logger: c.Host.Log, Metrics: fold.NewMetrics(c.Host.Metrics), Tracer: c.Host.Tracer,
		Report: (&faults{health: c.Host.Health, of: map[int]error{}}).report,
	}
	leasing := lease.Config{
		Bucket: bucket, Worker: rules.Worker, Replica: replica, Partitions: events.Partitions, Log: c.Host.Log,
		Metrics: c.Host.Metrics, Health: c.Host.Health,
	}
	return lease.Run(ctx, leasing, func(ctx context.Context, l *lease.Lease) error {
		return fold.Run(ctx, folding, rules, l.Partition(), l.Check)
	})
}

// serve answers questions about what the rules keep.
func serve[S any](log *eventlog.Log, client redis.UniversalClient, host *process.Host, rules Rules[S], answer Answer[S]) (stop func(), err error) {
	view := fold.View[S, events.Recorded]{Log: log, Redis: client, Rules: rules}
	return ask.Serve(log.Conn(), ask.Service{
		Worker: rules.Worker, About: "what is known of an extension", Log: host.Log, Metrics: host.Metrics,
		Health: func() any { return host.Health.Report() },
		Answer: func(ctx context.Context, about events.Extension) (any, error) {
			state, current, err := view.Get(ctx, Key(about))
			if !current {
				return ask.Behind(answer(state, current)), err
			}
			return answer(state, current), err
		},
	})
}

// replica is a name no other replica has.
func (c Config) replica() string {
	if c.Replica != "" {
		return c.Replica
	}
	host, err := os.Hostname()
	if err != nil {
		host = "replica"
	}
	return host + "-" + nuid.Next()
}
