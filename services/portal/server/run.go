package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/credential"
	"github.com/mycloudpbx/softphone/services/portal/forwarded"
	"github.com/mycloudpbx/softphone/services/portal/security"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// Name is who the portal is to NATS and Redis.
const Name = "portal"

// partHTTP is the part of its health that is not ready before it serves.
const partHTTP = "http"

// Portal is a running one.
type Portal struct {
	Address  string // host:port of its HTTP server
	Service  *portal.Service
	Sessions *web.Sessions // makes one-time links for administrators
	Access   *access.Store // makes API tokens
}

// Run serves until the context ends. It returns an error for what it cannot start
// without, and when the view cannot be folded.
func Run(ctx context.Context, c Config) error {
	seal, err := credential.NewSeal(c.CredentialKey.Reveal())
	if err != nil {
		return fmt.Errorf("SOFTPHONE_CREDENTIAL_KEY_FILE: %w", err)
	}
	c.Host.Health.NotReady(partHTTP, errors.New("does not serve yet"))
	conn, err := c.Host.ConnectNATS(ctx, c.NATS, Name)
	if err != nil {
		return err
	}
	defer conn.Close()
	client, err := c.Redis.Connect(ctx, Name)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	log, err := process.OpenLog(ctx, c.Host, conn)
	if err != nil {
		return err
	}
	log.Watch(c.Host.Health.Writes)
	log.Trace(c.Host.Tracer)
	credentials, err := process.Await(ctx, c.Host, func(ctx context.Context) (*credential.Store, error) {
		return credential.Open(ctx, log.JetStream(), setup.CredentialsBucket, seal)
	})
	if err != nil {
		return err
	}
	accesses, err := process.Await(ctx, c.Host, func(ctx context.Context) (*access.Store, error) {
		return access.Open(ctx, log.JetStream(), setup.CredentialsBucket, client, c.Host.Log)
	})
	if err != nil {
		return err
	}
	audit := security.New(c.Host.Log, c.Host.Metrics)
	hasher := credential.NewHasher(hashing(), c.Patience)
	c.Host.Metrics.MustRegister(hasher)
	service := portal.New(portal.Config{
		Log: log, Redis: client, Credentials: credentials, Hasher: hasher, Logger: c.Host.Log, Metrics: c.Host.Metrics,
		Security: audit, Limits: accesses, Streams: c.Streams, Patience: c.Patience,
	})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return service.Run(ctx) })
	group.Go(func() error { return portal.RunView(ctx, c.Config) })
	group.Go(func() error { return audit.Collect(ctx, client) })
	group.Go(func() error { return c.serve(ctx, service, accesses, client, audit) })
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return ctx.Err()
}

// serve answers HTTP until the context ends; then it takes no more requests, and
// streams end at once.
func (c Config) serve(
	ctx context.Context, service *portal.Service, accesses *access.Store, client redis.UniversalClient, audit *security.Log,
) error {
	handler, err := c.handler(ctx, service, accesses, client, audit)
	if err != nil {
		return err
	}
	l, scheme, err := c.listen()
	if err != nil {
		return err
	}
	server := process.ServeHTTP(l, handler)
	defer server.Close()
	c.Host.Health.NotReady(partHTTP, nil)
	c.Host.Log.Info().Str("address", scheme+"://"+server.Address()).Msg("the portal serves")
	if c.Ready != nil {
		c.Ready(Portal{Address: server.Address(), Service: service, Sessions: web.NewSessions(client), Access: accesses})
	}
	<-ctx.Done()
	return ctx.Err()
}

// handler is the API and the pages.
func (c Config) handler(
	ctx context.Context, service *portal.Service, accesses *access.Store, client redis.UniversalClient, audit *security.Log,
) (http.Handler, error) {
	proxies, err := c.proxies()
	if err != nil {
		return nil, err
	}
	clients := forwarded.New(proxies, c.Host.Log, c.Host.Metrics)
	pages, err := web.New(ctx, web.Config{
		Core: service, Redis: client, Log: c.Host.Log, Inbox: c.InboxURL, URL: c.URL, Clients: clients, Security: audit,
	})
	if err != nil {
		return nil, err
	}
	calls := api.New(ctx, api.Config{Service: service, Tokens: accesses, Log: c.Host.Log, Clients: clients, Security: audit})
	return measured(c.Host.Metrics, c.secured(split(calls, pages))), nil
}

// split tells the API from the pages. A mux would redirect a path with . or .. in it before it
// asks whose it is.
func split(calls, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.Root || strings.HasPrefix(r.URL.Path, api.Root+"/") {
			calls.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// secured tells browsers to come over HTTPS alone from now on (RFC 6797), where that is how
// they come.
func (c Config) secured(next http.Handler) http.Handler {
	if scheme, _, _ := strings.Cut(c.URL, "://"); !strings.EqualFold(scheme, "https") {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}
