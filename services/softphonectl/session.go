package softphonectl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// app is what the global flags say, and where to say things.
type app struct {
	nats     server
	redisURL string
	stateDir string
	json     bool
	yes      bool
	dryRun   bool
	terminal Terminal
}

// session is what a command works with while it runs.
type session struct {
	*app
	ctx   context.Context // ends with an interrupt, or when the server refuses us a subject
	conn  *nats.Conn
	log   *eventlog.Log
	redis redis.UniversalClient // nil unless asked for
	close func()
}

// open connects to NATS and opens the log. The session must be closed.
func (a *app) open(c *cobra.Command) (*session, error) {
	ctx, cancel := context.WithCancelCause(c.Context())
	conn, err := a.connect(func(refusal error) { cancel(fmt.Errorf("NATS user %q: %w", a.nats.user, refusal)) })
	if err != nil {
		cancel(nil)
		return nil, err
	}
	s := &session{app: a, ctx: ctx, conn: conn, close: func() { cancel(nil); conn.Close() }}
	opening, done := context.WithTimeout(ctx, patience)
	defer done()
	if s.log, err = eventlog.Open(opening, conn); err != nil {
		if c.Context().Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w (%w)", errNoLeader, err) // a cluster without one does not answer at all
		}
		err = s.explain(err) // before its context ends for no other reason
		s.close()
		return nil, err
	}
	return s, nil
}

// connect connects to the NATS server that flags, variables or what runs nearby say.
func (a *app) connect(onRefusal func(error)) (*nats.Conn, error) {
	if err := a.locate(os.Getenv); err != nil {
		return nil, err
	}
	return a.nats.connect(onRefusal)
}

// openBoth is open and a connection to Redis.
func (a *app) openBoth(c *cobra.Command) (*session, error) {
	s, err := a.open(c)
	if err != nil {
		return nil, err
	}
	if err := s.connectRedis(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (x *session) connectRedis() error {
	var config process.Redis
	environment := append(os.Environ(), "TLS_CA_FILE="+x.nats.tls.CAFile, "TLS_CERT_FILE="+x.nats.tls.CertFile, "TLS_KEY_FILE="+x.nats.tls.KeyFile)
	if x.redisURL != "" {
		environment = append(environment, "REDIS_URL="+x.redisURL)
	}
	if err := process.Parse(&config, environment); err != nil {
		return usageError{err}
	}
	client, err := config.Connect(x.ctx, "softphonectl")
	if err != nil {
		return err
	}
	before := x.close
	x.redis, x.close = client, func() { _ = client.Close(); before() }
	return nil
}

func (x *session) observer() replay.Observer {
	return replay.Observer{Log: x.log, Redis: x.redis, Partitions: events.Partitions}
}

// explain is an error of a command, or the reason why its session ended.
func (x *session) explain(err error) error {
	if err != nil && x.ctx.Err() != nil {
		return context.Cause(x.ctx)
	}
	return leaderless(err)
}

// with runs a command in a session.
func (a *app) with(open func(*cobra.Command) (*session, error), run func(*session, []string) error) func(*cobra.Command, []string) error {
	return failed(func(c *cobra.Command, args []string) error {
		s, err := open(c)
		if err != nil {
			return err
		}
		defer s.close()
		return s.explain(run(s, args))
	})
}

// since is how long ago something was, for people.
func since(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
