package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/forwarded"
	"github.com/mycloudpbx/softphone/services/portal/security"
)

// Core is what the pages show and change: a *portal.Service.
type Core interface { //nolint:interfacebloat // one method for everything that can be clicked
	List(ctx context.Context, tenant, query, from string) (page []portal.Summary, next string, err error)
	Get(ctx context.Context, x events.Extension) (portal.Details, error)
	History(ctx context.Context, x events.Extension, before uint64) (page []portal.Happened, next uint64, err error)
	Add(ctx context.Context, x events.Extension, name string) (version uint64, err error)
	Save(ctx context.Context, x events.Extension, version uint64, name string) (now uint64, err error)
	Delete(ctx context.Context, x events.Extension, version uint64) error
	Enable(ctx context.Context, x events.Extension, version uint64, email, password string) (portal.Enabled, error)
	Disable(ctx context.Context, x events.Extension, version uint64) error
	ResetPassword(ctx context.Context, x events.Extension, version uint64, password string, signOut bool) (portal.Reset, error)
	RemoveDevice(ctx context.Context, x events.Extension, version uint64, deviceID string) error
	ChangeEmail(ctx context.Context, x events.Extension, version uint64, email string) (now uint64, err error)
	SendWelcome(ctx context.Context, x events.Extension, version uint64) error
	Watch(ctx context.Context, x events.Extension) (<-chan portal.Change, error)
}

// Config of the pages.
type Config struct {
	Core  Core
	Redis redis.UniversalClient // sessions, links and what was posted already
	Log   zerolog.Logger
	Beat  time.Duration // of streams; 0 means 15 s
	Inbox string        // URL of the caught mail, where mail is caught; "" for none
	URL   string        // origin where browsers find the pages: posts from there are no other site's; "" for not known

	Clients  *forwarded.Clients // whose address is known; nil: no proxy is believed
	Security *security.Log      // nil: one that writes to Log
}

// site is the pages.
type site struct {
	core     Core
	sessions *Sessions
	once     once
	log      zerolog.Logger
	pages    pages
	live     *live
	ending   <-chan struct{} // streams end with the server
	origin   string          // where browsers find the pages; "" for not known
	clients  *forwarded.Clients
	security *security.Log
}

// New returns the handler of everything that is not the API. When ctx ends, so do
// the streams that are open.
func New(ctx context.Context, c Config) (http.Handler, error) {
	if c.Clients == nil {
		c.Clients = forwarded.New(nil, c.Log, nil)
	}
	if c.Security == nil {
		c.Security = security.New(c.Log, nil)
	}
	files, err := newAssets()
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	drawn, err := newPages(files, c.Inbox)
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	s := &site{
		core: c.Core, sessions: NewSessions(c.Redis), once: once{c.Redis}, log: c.Log, pages: drawn, live: newLive(cmp.Or(c.Beat, beat)), ending: ctx.Done(),
		origin: origin(c.URL), clients: c.Clients, security: c.Security,
	}
	safe, err := s.sameSite(s.routes(files))
	return guarded(safe), err
}

func (s *site) routes(files assets) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/{version}/{file}", files.serve)
	mux.HandleFunc("GET /softphone", s.softphone)
	mux.HandleFunc("GET /sign-in", s.signInPage)
	mux.HandleFunc("POST /sign-in", s.signIn)
	mux.HandleFunc("POST /sign-out", s.signOut)

	mux.HandleFunc("GET /{$}", s.known(s.home))
	mux.HandleFunc("GET /tenants", s.known(s.home))

	const tenant = "/tenants/{tenant}"
	mux.HandleFunc("GET "+tenant, s.known(s.list))
	mux.HandleFunc("POST "+tenant+"/add", s.known(s.add))

	const extension = tenant + "/extensions/{extension}"
	mux.HandleFunc("GET "+extension, s.known(s.extension))
	mux.HandleFunc("GET "+extension+"/events", s.known(s.events))
	mux.HandleFunc("GET "+extension+"/history", s.known(s.history))
	mux.HandleFunc("GET "+extension+"/delete", s.known(s.askDelete))
	for action, do := range map[string]handler{
		"save": s.save, "enable": s.enable, "disable": s.disable, "password": s.resetPassword, "email": s.changeEmail,
		"remove-device": s.removeDevice, "welcome-email": s.sendWelcome, "delete": s.remove,
	} {
		mux.HandleFunc("POST "+extension+"/"+action, s.known(do))
		if action != "delete" { // whoever comes back to the address of an answer is led to the page
			mux.HandleFunc("GET "+extension+"/"+action, s.known(s.back))
		}
	}
	mux.HandleFunc("/", s.nothing)
	return mux
}

// byItself tells that a page asks in order to keep itself current: nobody did
// anything, and nobody reads the answer as it is.
func byItself(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Dest") == "empty" }

// visitor is a signed-in administrator.
type visitor struct {
	Administrator
	session string // token
}

// handler answers a visitor, or returns why it did not.
type handler func(w http.ResponseWriter, r *http.Request, v visitor) error

// known lets signed-in administrators in. Which tenants are theirs, the core decides.
func (s *site) known(next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := visitor{session: token(r)}
		err := errSignedOut
		if v.session != "" {
			v.Administrator, err = s.sessions.get(r.Context(), v.session, !byItself(r))
			err = away(err)
		}
		if err == nil {
			err = next(w, r.WithContext(portal.As(r.Context(), v.Actor(sessionID(v.session)))), v)
		}
		if err != nil {
			s.fail(w, r, v, err)
		}
	}
}
