package standalone

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/beacon"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/worker"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/portal/server"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// startTime is how long the workers may take until they answer, before the message
// about where to look is printed all the same.
const startTime = 10 * time.Second

// Run starts the servers, the workers and the portal, says where to look, and works until the
// context ends or one of them fails.
func Run(ctx context.Context, c Config) error {
	at, err := start(ctx, c)
	if err != nil {
		return err
	}
	defer at.close()

	group, ctx := errgroup.WithContext(ctx)
	serving := make(chan server.Portal, 1)
	services := c.workers(at)
	services[server.Name] = func(ctx context.Context) error { return c.portal(ctx, at, serving) }
	for name, run := range services {
		group.Go(func() error {
			if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("%s: %w", name, err)
			}
			return ctx.Err()
		})
	}
	group.Go(func() error { return at.watch(ctx) })
	if at.heal != nil {
		group.Go(func() error { return at.heal(ctx) })
	}
	group.Go(func() error { return c.greet(ctx, at, serving) })
	return group.Wait()
}

// on returns a worker's configuration, told where the servers are.
func (c Config) on(at *servers, w worker.Config, name string) worker.Config {
	w.Host, w.NATS, w.Redis.URL = c.Host.With(name), at.login(w.NATS), at.redis
	return w
}

// portal runs the portal, and says once when it serves.
func (c Config) portal(ctx context.Context, at *servers, serving chan<- server.Portal) error {
	p := c.Portal
	p.Config, p.InboxURL = c.on(at, p.Config, server.Name), at.inbox
	if p.CredentialKey.Empty() {
		key, err := c.secret(sealKeyFile)
		if err != nil {
			return err
		}
		p.CredentialKey = process.NewSecret(key)
	}
	p.Ready = func(p server.Portal) { serving <- p }
	return server.Run(ctx, p)
}

// sealKeyFile is the name, in the data folder, of the file with the key of stored passwords.
const sealKeyFile = "credential-key"

// secret is in a file of the data folder, and made when there is none yet.
func (c Config) secret(file string) (string, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return "", fmt.Errorf("SOFTPHONE_DATA: %w", err)
	}
	secret, err := beacon.Secret(c.Data, file)
	if err != nil {
		return "", fmt.Errorf("SOFTPHONE_DATA: %w", err)
	}
	return secret, nil
}

// workers are the workers by name.
func (c Config) workers(at *servers) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		events.License: func(ctx context.Context) error {
			return license.Run(ctx, c.on(at, c.License, events.License))
		},
		events.DeviceCounter: func(ctx context.Context) error {
			return devicecounter.Run(ctx, c.on(at, c.DeviceCounter, events.DeviceCounter))
		},
		events.Mailer: func(ctx context.Context) error {
			m := c.Mailer
			m.Host, m.NATS, m.SMTP.URL = c.Host.With(events.Mailer), at.login(m.NATS), at.smtp
			return mailer.Run(ctx, m)
		},
		events.NameSync: func(ctx context.Context) error {
			n := c.NameSync
			n.Config = c.on(at, n.Config, events.NameSync)
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

// greet waits for the workers and the portal and says where to look.
func (c Config) greet(ctx context.Context, at *servers, serving <-chan server.Portal) error {
	if c.Out == nil {
		return nil
	}
	nc, err := at.login(c.License.NATS).Connect(ctx, "standalone", c.Host.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	waiting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for name := range c.workers(at) {
		await(waiting, nc, name)
	}
	var portal server.Portal
	select {
	case <-ctx.Done():
		return ctx.Err()
	case portal = <-serving:
	}
	link, err := portal.Sessions.Link(ctx, web.Administrator{Name: "Administrator"})
	if err != nil {
		return err
	}
	_, err = c.Out.Write(c.welcome(at, portal.Address, link))
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
