package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/embedded"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/worker"
)

// world is the two servers, each a process of its own reached over TCP as in
// production, and this process's connections to them.
type world struct {
	folder string
	sync   bool    // NATS flushes every message to the disk
	holds  history // what is in the log, if it is one

	nats     *child.Process
	natsURL  string
	conn     *nats.Conn
	js       jetstream.JetStream
	redis    *embedded.Redis
	redisURL string
	client   redis.UniversalClient
}

func newWorld(ctx context.Context, folder string) (*world, error) {
	w := &world{folder: folder}
	var err error
	w.redis, err = embedded.StartRedis(embedded.RedisConfig{Dir: filepath.Join(folder, "redis"), Listen: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	w.redisURL = w.redis.URL()
	if w.client, err = (process.Redis{URL: w.redisURL}).Connect(ctx, "bench"); err != nil {
		w.close()
		return nil, err
	}
	if err := w.startNATS(ctx); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) startNATS(ctx context.Context) error {
	server, out, err := startChild(childNATS,
		natsDir+"="+filepath.Join(w.folder, "nats"), natsSync+"="+strconv.FormatBool(w.sync))
	if err != nil {
		return err
	}
	w.nats = server
	line, err := out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the NATS server did not start: %w", err)
	}
	w.natsURL = strings.TrimSpace(line)
	if w.conn, err = w.connect(ctx, "bench"); err != nil {
		return err
	}
	w.js, err = jetstream.New(w.conn)
	return err
}

// connect as a worker does.
func (w *world) connect(ctx context.Context, name string) (*nats.Conn, error) {
	return process.NATS{URL: w.natsURL}.Connect(ctx, name, silent)
}

// syncAlways restarts the NATS server on the same store, from now on with every
// message flushed to the disk before it is acknowledged.
func (w *world) syncAlways(ctx context.Context) error {
	w.conn.Close()
	if err := stopChild(w.nats); err != nil {
		return fmt.Errorf("stopping NATS: %w", err)
	}
	w.sync = true
	return w.startNATS(ctx)
}

// empty makes everything as new: an empty log, set up as it should be for the way
// this server writes, and an empty Redis.
func (w *world) empty(ctx context.Context) error {
	w.holds = history{}
	for _, stream := range []string{events.Stream, events.DeadStream} {
		if err := w.js.DeleteStream(ctx, stream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
	}
	if err := w.client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	return setup.Everything(ctx, w.js, eventlog.Layout{FastBatches: !w.sync})
}

// log opens the log on a connection of its own, as a worker has one.
// config is a worker's that runs in this process.
func (w *world) config(replica string) worker.Config {
	return worker.Config{
		Config: process.Config{Host: process.NewHost(silent)}, NATS: process.NATS{URL: w.natsURL}, Redis: process.Redis{URL: w.redisURL}, Replica: replica,
	}
}

func (w *world) log(ctx context.Context, name string) (*eventlog.Log, error) {
	conn, err := w.connect(ctx, name)
	if err != nil {
		return nil, err
	}
	log, err := eventlog.Open(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return log, nil
}

func (w *world) close() {
	if w.conn != nil {
		w.conn.Close()
	}
	if w.nats != nil {
		_ = stopChild(w.nats)
	}
	if w.client != nil {
		_ = w.client.Close()
	}
	w.redis.Close()
}
