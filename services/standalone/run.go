package standalone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/worker"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	"github.com/mycloudpbx/softphone/services/name-sync"
)

// startTime is how long the workers may take until they answer, before the message
// about where to look is printed all the same.
const startTime = 10 * time.Second

// Run starts the servers and the workers, says where to look, and works until the
// context ends or one of them fails.
func Run(ctx context.Context, c Config) error {
	at, err := start(ctx, c)
	if err != nil {
		return err
	}
	defer at.close()

	group, ctx := errgroup.WithContext(ctx)
	for name, run := range c.workers(at) {
		group.Go(func() error {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: %w", name, err)
			}
			return ctx.Err()
		})
	}
	group.Go(func() error { return at.watch(ctx) })
	group.Go(func() error { return c.greet(ctx, at) })
	return group.Wait()
}

// workers are the workers, told where the servers are.
func (c Config) workers(at *servers) map[string]func(context.Context) error {
	fold := func(w worker.Config, name string) worker.Config {
		w.Host, w.NATS.URL, w.Redis.URL = c.Host.With(name), at.nats, at.redis
		return w
	}
	return map[string]func(context.Context) error{
		events.License: func(ctx context.Context) error {
			return license.Run(ctx, fold(c.License, events.License))
		},
		events.DeviceCounter: func(ctx context.Context) error {
			return devicecounter.Run(ctx, fold(c.DeviceCounter, events.DeviceCounter))
		},
		events.Mailer: func(ctx context.Context) error {
			m := c.Mailer
			m.Host, m.NATS.URL, m.SMTP.URL = c.Host.With(events.Mailer), at.nats, at.smtp
			return mailer.Run(ctx, m)
		},
		events.NameSync: func(ctx context.Context) error {
			n := c.NameSync
			n.Config = fold(n.Config, events.NameSync)
			return namesync.Run(ctx, n)
		},
	}
}

// watch ends when a server of ours did.
func (s *servers) watch(ctx context.Context) error {
	select {
	case <-s.lost:
		return errRedisEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// greet waits for the workers and says where to look.
func (c Config) greet(ctx context.Context, at *servers) error {
	if c.Out == nil {
		return nil
	}
	nc, err := process.NATS{URL: at.nats, User: c.License.NATS.User, Password: c.License.NATS.Password}.Connect(ctx, "standalone", c.Host.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	waiting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for name := range c.workers(at) {
		await(waiting, nc, name)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, err = c.Out.Write(c.welcome(at))
	return err
}

// await returns when a worker answers questions, or the time is over.
func await(ctx context.Context, nc *nats.Conn, worker string) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		_, err := nc.RequestWithContext(asking, "$SRV.PING."+worker, nil)
		if err == nil {
			cancel()
			return
		}
		<-asking.Done() // without anybody listening the request fails at once
		cancel()
	}
}
