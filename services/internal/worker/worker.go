package worker

import (
	"context"
	"os"

	"github.com/nats-io/nuid"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/ask"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/ownership"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

// Config of a folding worker, from the environment.
type Config struct {
	process.Config
	NATS  process.NATS
	Redis process.Redis
	// The name of this replica, different for each, kept over restarts. Without it, one is made of the host name.
	Replica string `env:"SOFTPHONE_REPLICA"`
}

// Answer makes the reply of ask.<worker>.get from a state.
type Answer[S any] func(state S, current bool) any

// Run folds and answers until the context ends. It returns an error for what it
// cannot start without.
func Run[S any](ctx context.Context, c Config, rules fold.Rules[S], answer Answer[S]) error {
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
	log, err := process.OpenLog(ctx, c.Host, conn)
	if err != nil {
		return err
	}
	log.Watch(c.Host.Health.Writes)
	replica, err := ownership.New(ownership.Config{
		Conn: conn, Worker: rules.Worker, Replica: c.replica(), Partitions: events.Partitions,
		Able: func(ctx context.Context) error { return client.Ping(ctx).Err() },
		Log:  c.Host.Log, Metrics: c.Host.Metrics, Health: c.Host.Health,
	})
	if err != nil {
		return err
	}
	stop, err := serve(log, client, c.Host, replica, rules, answer)
	if err != nil {
		return err
	}
	defer stop()
	go watchLog(ctx, log, c.Host)
	return own(ctx, c, log, client, replica, rules)
}

// own folds this replica's share of the partitions.
func own[S any](ctx context.Context, c Config, log *eventlog.Log, client redis.UniversalClient, replica *ownership.Replica, rules fold.Rules[S]) error {
	folding := fold.Config{
		Log: log, Feed: eventlog.NewFeed(log, rules.Worker, fold.MaxBatch), Redis: client, Owner: replica.Replica,
		Logger: c.Host.Log, Metrics: fold.NewMetrics(c.Host.Metrics), Tracer: c.Host.Tracer,
		Report: (&faults{health: c.Host.Health, of: map[int]error{}}).report,
	}
	return replica.Run(ctx, func(ctx context.Context, partition int, check func(context.Context) error) error {
		return fold.Run(ctx, folding, rules, partition, check)
	})
}

// serve answers questions about what the rules keep.
func serve[S any](log *eventlog.Log, client redis.UniversalClient, host *process.Host, replica *ownership.Replica, rules fold.Rules[S],
	answer Answer[S],
) (stop func(), err error) {
	view := fold.View[S]{Log: log, Redis: client, Rules: rules}
	return ask.Serve(log.Conn(), ask.Service{
		Worker: rules.Worker, About: "what is known of an extension", Log: host.Log, Metrics: host.Metrics,
		Statistics: func() any {
			return struct {
				process.Report
				ask.Ownership
			}{host.Health.Report(), ask.Ownership{Replica: replica.Replica, Partitions: replica.Owned()}}
		},
		Answer: func(ctx context.Context, asked events.Question) (any, error) {
			state, current, err := get(ctx, view, asked)
			if !current {
				return ask.Behind(answer(state, current)), err
			}
			return answer(state, current), err
		},
	})
}

// get looks up the extension's last event if the caller has not done so.
func get[S any](ctx context.Context, view fold.View[S], asked events.Question) (state S, current bool, err error) {
	if asked.AsOf == nil {
		return view.Get(ctx, asked.About())
	}
	entry, err := view.Read(ctx, asked.About())
	return entry.State, entry.AsOf(*asked.AsOf), err
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
