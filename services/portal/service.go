package portal

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/portal/credential"
	"github.com/mycloudpbx/softphone/services/portal/security"
)

// Config is what a Service works with.
type Config struct {
	Log         *eventlog.Log
	Redis       redis.UniversalClient
	Credentials *credential.Store
	Hasher      Hasher
	Logger      zerolog.Logger
	Metrics     prometheus.Registerer // nil: none
	Security    *security.Log         // nil: one that writes to Logger
	Streams     int                   // at most so many at a time; 0 means [Streams]
	Limits      Limits                // of tenants; nil: the usual ones
	Patience    time.Duration         // for a worker's decision; 0 means [Patience]. All else it waits for is in proportion
}

// Hasher computes and compares password hashes; see credential.Hasher for what it
// must do besides.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	Matches(ctx context.Context, c credential.Caller, hash, password string) (bool, error)
}

// Limits says how many devices a license may be for, at most, when somebody of a tenant
// grants it. An *access.Store does.
type Limits interface {
	MaxDevices(ctx context.Context, tenant string) (int, error)
}

// usual are the limits where nobody set any.
type usual struct{}

func (usual) MaxDevices(context.Context, string) (int, error) { return events.DefaultDeviceLimit, nil }

// Patience is how long a person waits for a worker's decision before they are told to
// try again.
const Patience = 5 * time.Second

// patience is how long it waits, and for what.
type patience struct {
	decision time.Duration // of a worker, in the log
	answer   time.Duration // of one worker, to one question
	behind   time.Duration // for a worker that is behind, with a softphone waiting
	look     time.Duration // for one that is behind, with a page waiting that can do without
	redis    time.Duration // the client would try for seconds to reach one that is away
}

func newPatience(decision time.Duration) patience {
	return patience{
		decision: decision, answer: decision * 2 / 5, behind: decision * 2 / 5, look: decision / 10, redis: decision / 5,
	}
}

// Service is the operations. It is safe for concurrent use.
type Service struct {
	log         *eventlog.Log
	redis       redis.UniversalClient
	credentials *credential.Store
	hasher      Hasher
	policy      *credential.Policy
	throttle    *throttle
	tokens      tokens
	view        fold.View[row]
	tail        *tail
	directory   *directory
	streams     *streams
	allowances  *allowances
	audiences   audiences
	limits      Limits
	metrics     *metrics
	security    *security.Log
	logger      zerolog.Logger
	patience    patience
}

// New makes a Service. Watch tells something only while Run runs, and lists are fast.
func New(c Config) *Service {
	if c.Patience == 0 {
		c.Patience = Patience
	}
	if c.Limits == nil {
		c.Limits = usual{}
	}
	if c.Security == nil {
		c.Security = security.New(c.Logger, nil)
	}
	c.Security.Expect(security.SignIn, signInOutcomes()...)
	patience := newPatience(c.Patience)
	s := &Service{
		log: c.Log, redis: c.Redis, credentials: c.Credentials, hasher: c.Hasher, policy: credential.NewPolicy(),
		throttle: newThrottle(c.Redis, patience.redis), tokens: tokens{c.Redis, patience.redis},
		limits: c.Limits, metrics: newMetrics(c.Metrics), security: c.Security, logger: c.Logger, patience: patience,
	}
	s.allowances = newAllowances(c.Redis, patience.redis, s.metrics)
	s.streams, s.audiences.of = newStreams(c.Streams, s.metrics), map[events.Extension]*audience{}
	s.view = fold.View[row]{Log: c.Log, Redis: c.Redis, Rules: ViewRules()}
	s.directory = newDirectory(s.numbers)
	s.tail = newTail(c.Log, s.directory, c.Logger)
	return s
}

// Run follows the log, for Watch, until the context ends.
func (s *Service) Run(ctx context.Context) error { return s.tail.run(ctx) }

// Get returns an extension, or [ErrNotFound].
func (s *Service) Get(ctx context.Context, x events.Extension) (Details, error) {
	if err := authorize(ctx, opGet, x.Tenant); err != nil {
		return Details{}, err
	}
	f, err := s.facts(ctx, x)
	if err != nil {
		return Details{}, err
	}
	if !f.exists {
		return Details{}, ErrNotFound
	}
	d := Details{
		Extension: x, Version: f.version, Name: f.name, Email: f.email, Username: Username(x),
		Enabled: f.license.id != "" || f.pending, Granted: f.license.id != "",
		LicenseID: f.license.id, Limit: f.license.limit,
	}
	if f.license.username != "" {
		d.Username = f.license.username
	}
	var group errgroup.Group
	if d.Granted {
		group.Go(func() error { return s.seated(ctx, &d) })
		group.Go(func() error {
			set, err := s.replaceable(ctx, x, f.credential)
			d.NoPassword = err == nil && set.Hash == ""
			return away(err)
		})
	}
	if d.Email != "" {
		group.Go(func() (err error) {
			if d.Welcome, err = s.welcome(ctx, x); err != nil {
				d.WelcomeUnknown = true
				s.logger.Debug().Err(err).Msg("the state of the e-mail is not known")
			}
			return nil
		})
	}
	return d, group.Wait()
}

// seated fills in who holds the seats of the license in force.
func (s *Service) seated(ctx context.Context, d *Details) error {
	seats, err := s.seats(ctx, d.Extension, s.patience.look)
	switch {
	case err != nil, !seats.Current:
		d.SeatsUnknown = true
		s.logger.Debug().Err(err).Msg("the seats are not known")
	case seats.LicenseID == d.LicenseID:
		d.Used, d.Limit, d.Devices = seats.Used, seats.Limit, devices(seats.Devices)
	}
	return ctx.Err()
}

// waiting is the time a worker has to decide.
func (s *Service) waiting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.patience.decision, errors.New("no answer in time"))
}
