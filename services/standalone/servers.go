package standalone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/beacon"
	"github.com/mycloudpbx/softphone/services/internal/embedded"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/standalone/inbox"
)

// errRedisEnded ends the process: the workers could only wait for its return.
var errRedisEnded = errors.New("redis-server ended by itself: its last words are in the log above")

// servers is what the workers need, embedded or outside.
type servers struct {
	nats, redis, smtp string                      // URLs
	password          string                      // of the user of our own NATS
	inbox             string                      // URL of the page; empty when mail goes elsewhere
	lost              <-chan struct{}             // closed when the redis-server child ended; nil without one
	heal              func(context.Context) error // starts our NATS again after its disk was full; nil when it is not ours
	closing           []func()
}

// user is who everything in this process, and softphonectl beside it, is to the embedded NATS.
const user = "local"

// login is where NATS is, and who we are to one of our own; what the environment says of another stays.
func (s *servers) login(n process.NATS) process.NATS {
	n.URL = s.nats
	if s.password != "" {
		n.User, n.Password, n.TLS = user, process.NewSecret(s.password), process.TLS{}
	}
	return n
}

// start starts what is not outside. What fails names the variable that helps.
func start(ctx context.Context, c Config) (*servers, error) {
	s := &servers{nats: c.Outside.NATS, redis: c.Outside.Redis, smtp: c.Outside.SMTP}
	var steps []func() error
	if s.smtp == "" {
		steps = append(steps, func() error { return s.startInbox(c) })
	}
	if s.nats == "" {
		steps = append(steps, func() error { return s.startNATS(ctx, c) })
	}
	if s.redis == "" {
		steps = append(steps, func() error { return s.startRedis(c) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			s.close()
			return nil, err
		}
	}
	if err := s.light(c); err != nil {
		s.close()
		return nil, fmt.Errorf("SOFTPHONE_DATA: %w", err)
	}
	return s, nil
}

// light tells softphonectl where our servers are. Of a NATS that is not ours
// nothing is told: its URL may hold a login, and whoever set it knows it.
func (s *servers) light(c Config) error {
	if c.Outside.NATS != "" {
		return nil
	}
	b := beacon.Beacon{NATS: s.nats, User: user}
	if c.Outside.Redis == "" {
		b.Redis = s.redis
	}
	extinguish, err := beacon.Light(c.Data, b)
	if err != nil {
		return err
	}
	s.closing = append(s.closing, extinguish)
	return nil
}

// close stops what was started, the last first.
func (s *servers) close() {
	for _, f := range slices.Backward(s.closing) {
		f()
	}
}

func (s *servers) startInbox(c Config) error {
	box, err := inbox.Open(filepath.Join(c.Data, "inbox"))
	if err != nil {
		return fmt.Errorf("SOFTPHONE_DATA: %w", err)
	}
	mail, err := process.Listen("SOFTPHONE_SMTP_LISTEN", c.SMTPListen)
	if err != nil {
		return err
	}
	catcher := inbox.Catch(mail, box)
	s.closing = append(s.closing, catcher.Close)
	page, err := process.Listen("SOFTPHONE_INBOX_LISTEN", c.InboxListen)
	if err != nil {
		return err
	}
	server := process.ServeHTTP(page, inbox.Handler(box, mail.Addr().String()))
	s.closing = append(s.closing, server.Close)
	s.smtp, s.inbox = "smtp://"+reachable(mail.Addr().String()), "http://"+reachable(server.Address())
	return nil
}

func (s *servers) startNATS(ctx context.Context, c Config) error {
	password, err := c.secret(beacon.PasswordFile)
	if err != nil {
		return err
	}
	server, err := embedded.StartNATS(embedded.NATSConfig{
		Dir: filepath.Join(c.Data, "nats"), Listen: c.NATSListen, SyncAlways: true, User: user, Password: password, Log: c.Host.Log,
	})
	if err != nil {
		return hint(err, "SOFTPHONE_NATS_LISTEN")
	}
	s.closing = append(s.closing, server.Close)
	s.nats, s.password, s.heal = server.URL(), password, server.Heal
	return setUp(ctx, s.login(process.NATS{}), c.Host.Log)
}

// setUp creates the streams and buckets, as `softphonectl setup` does on a server
// that is not ours.
func setUp(ctx context.Context, n process.NATS, log zerolog.Logger) error {
	nc, err := n.Connect(ctx, "standalone", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("JetStream: %w", err)
	}
	return setup.Everything(ctx, js, eventlog.Layout{})
}

func (s *servers) startRedis(c Config) error {
	server, err := embedded.StartRedis(embedded.RedisConfig{Dir: filepath.Join(c.Data, "redis"), Log: c.Host.Log})
	if err == nil {
		s.closing = append(s.closing, server.Close)
		s.redis, s.lost = server.URL(), server.Done()
		return nil
	}
	if !errors.Is(err, embedded.ErrNoRedis) {
		return hint(err, "")
	}
	inside, err := embedded.StartMiniredis()
	if err != nil {
		return err
	}
	c.Host.Log.Info().Msg("no redis-server is installed: state is kept in this process and folded from the log at every start")
	s.closing = append(s.closing, inside.Close)
	s.redis = inside.URL()
	return nil
}

// hint adds what to do.
func hint(err error, listen string) error {
	switch {
	case errors.Is(err, embedded.ErrAddressTaken):
		return fmt.Errorf("%w: stop what listens there, or set %s to another", err, listen)
	case errors.Is(err, embedded.ErrFolderTaken):
		return fmt.Errorf("%w: stop it, or set SOFTPHONE_DATA to another folder", err)
	}
	return err
}

// reachable turns an address to listen on into one to connect to.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}
