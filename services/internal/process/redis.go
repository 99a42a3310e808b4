package process

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"
)

// Redis says where Redis is and who we are to it.
type Redis struct {
	// redis://, rediss:// (TLS) or unix://. With ?addr=host:port for further nodes it is a Redis Cluster.
	URL string `env:"REDIS_URL" envDefault:"redis://127.0.0.1:6379/0"`
	// The user to be there.
	User string `env:"REDIS_USER"`
	// The password of that user.
	Password Secret `env:"REDIS_PASSWORD"`
	TLS      TLS    // for a rediss:// URL
}

// redisDialTimeout is go-redis' own default.
const redisDialTimeout = 5 * time.Second

// Validate checks what the types cannot.
func (r Redis) Validate() error {
	client, _, err := r.client("")
	if err != nil {
		return err
	}
	_ = client.Close()
	return checkEncrypted("REDIS_URL", r.URL, r.TLS, "rediss://")
}

// Connect returns a client that answers. A server that does not, or that still loads its data, is tried again for about 5
// seconds; then the error says what to check. Every call of the client ends with its context.
func (r Redis) Connect(ctx context.Context, name string) (redis.UniversalClient, error) {
	client, encryption, err := r.client(name)
	if err != nil {
		return nil, err
	}
	if err = patiently(ctx, func() error {
		err := answers(ctx, client)
		if fault := encryption.fault(err); fault != nil {
			return backoff.Permanent(fault)
		}
		return err
	}); err == nil {
		return client, nil
	}
	_ = client.Close()
	where := Redact(r.URL)
	switch {
	case errors.Is(err, ErrTLS):
		return nil, fmt.Errorf("redis at %s: %w", where, err)
	case errors.Is(err, ErrRefused):
		return nil, fmt.Errorf("redis at %s %w: check REDIS_USER and REDIS_PASSWORD", where, ErrRefused)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("connect to Redis: %w", context.Cause(ctx))
	}
	return nil, fmt.Errorf("redis at %s is %w: %s: start it, or set REDIS_URL", where, ErrUnreachable, oneLine(err))
}

// answers pings. A user that is known but not allowed to PING is no reason to stop: it may be allowed its work.
func answers(ctx context.Context, client redis.UniversalClient) error {
	err := client.Ping(ctx).Err()
	switch {
	case err == nil || redis.HasErrorPrefix(err, "NOPERM"):
		return nil
	case redis.HasErrorPrefix(err, "WRONGPASS") || redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "ERR AUTH"):
		return backoff.Permanent(ErrRefused)
	}
	return err
}

// client makes one that has not connected yet.
func (r Redis) client(name string) (redis.UniversalClient, *tlsClient, error) {
	encryption := &tlsClient{TLS: r.TLS, variable: "REDIS_URL"}
	if u, err := url.Parse(r.URL); err == nil && u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(r.URL)
		if err != nil {
			return nil, nil, r.badURL()
		}
		r.identify(&o.Username, &o.Password)
		o.OnConnect, o.ContextTimeoutEnabled = tellName(name), true
		if o.TLSConfig != nil {
			o.Dialer = encryption.redis(o.TLSConfig)
		}
		return redis.NewClusterClient(o), encryption, nil
	}
	o, err := redis.ParseURL(r.URL)
	if err != nil {
		return nil, nil, r.badURL()
	}
	r.identify(&o.Username, &o.Password)
	// Without ContextTimeoutEnabled a call waits for its read timeout, whatever its context says.
	o.OnConnect, o.ContextTimeoutEnabled = tellName(name), true
	if o.TLSConfig != nil {
		o.Dialer = encryption.redis(o.TLSConfig)
	}
	client := redis.NewClient(o)
	client.AddHook(newFailover())
	return client, encryption, nil
}

// tellName makes connections appear in CLIENT LIST under name. A user that may not do that is let be, which is why it is
// not the library's ClientName: with that, such a user could not connect at all.
func tellName(name string) func(context.Context, *redis.Conn) error {
	return func(ctx context.Context, c *redis.Conn) error {
		err := c.ClientSetName(ctx, name).Err()
		if _, refused := errors.AsType[redis.Error](err); refused {
			return nil
		}
		return err // the connection's own trouble: its answer may still come, so it must not be used
	}
}

// identify puts REDIS_USER and REDIS_PASSWORD over what the URL says.
func (r Redis) identify(user, password *string) {
	if r.User != "" {
		*user = r.User
	}
	if !r.Password.Empty() {
		*password = r.Password.Reveal()
	}
}

func (r Redis) badURL() error {
	return badURL("REDIS_URL", r.URL, "redis://host:6379/0", "REDIS_USER and REDIS_PASSWORD")
}
