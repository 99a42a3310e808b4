package api

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/forwarded"
	"github.com/mycloudpbx/softphone/services/portal/security"
)

// Prefix is where the API is. Everything under Root is answered by it, and by no redirect.
const (
	Root   = "/api"
	Prefix = Root + "/v1"
)

// Config of the API.
type Config struct {
	Service  *portal.Service
	Tokens   Tokens
	Log      zerolog.Logger
	Clients  *forwarded.Clients // whose address is known; nil: no proxy is believed
	Security *security.Log      // nil: one that writes to Log
}

// api answers requests.
type api struct {
	Config

	ending    <-chan struct{} // streams end with the server
	heartbeat time.Duration
}

// heartbeat keeps a stream from looking dead to what is in between.
const heartbeat = 15 * time.Second

// handler answers a request, or returns why it did not.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one operation.
type route struct {
	method, path string
	do           handler
}

// routes are all operations, as openapi.yaml has them.
func (a *api) routes() []route {
	const (
		tenant    = "/tenants/{tenant}"
		extension = tenant + "/extensions/{extension}"
		softphone = extension + "/softphone"
	)
	return []route{
		{http.MethodPost, "/softphone/sign-in", a.signIn},
		{http.MethodGet, "/softphone/profile", a.profile},
		{http.MethodGet, "/softphone/events", a.stream},
		{http.MethodPost, "/softphone/sign-out", a.signOut},

		{http.MethodGet, tenant + "/extensions", a.admin(a.list)},
		{http.MethodGet, extension, a.admin(a.get)},
		{http.MethodPut, extension, a.admin(a.put)},
		{http.MethodDelete, extension, a.admin(a.remove)},
		{http.MethodGet, extension + "/history", a.admin(a.history)},
		{http.MethodPost, softphone, a.admin(a.enable)},
		{http.MethodDelete, softphone, a.admin(a.disable)},
		{http.MethodPut, softphone + "/email", a.admin(a.changeEmail)},
		{http.MethodPost, softphone + "/password", a.admin(a.resetPassword)},
		{http.MethodGet, softphone + "/devices", a.admin(a.devices)},
		{http.MethodDelete, softphone + "/devices/{device}", a.admin(a.removeDevice)},
		{http.MethodPost, softphone + "/welcome-email", a.admin(a.sendWelcome)},

		{http.MethodPost, "/events", a.admin(a.publish)},
		{http.MethodGet, "/openapi.yaml", a.description},
	}
}

// New returns the handler of everything under [Root]. When ctx ends, so do the
// streams that are open.
func New(ctx context.Context, c Config) http.Handler {
	if c.Clients == nil {
		c.Clients = forwarded.New(nil, c.Log, nil)
	}
	if c.Security == nil {
		c.Security = security.New(c.Log, nil)
	}
	return (&api{Config: c, ending: ctx.Done(), heartbeat: heartbeat}).handler()
}

func (a *api) handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range a.routes() {
		mux.Handle(r.method+" "+Prefix+r.path, a.answer(r.do))
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet { // which the mux takes for both
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for address, allowed := range methods {
		slices.Sort(allowed)
		mux.Handle(Prefix+address, a.answer(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return errMethod
		}))
	}
	mux.Handle("/", a.answer(func(http.ResponseWriter, *http.Request) error { return errPath }))
	return a.direct(mux)
}

// direct answers a path that is not in its shortest form as one that is not there. The mux would
// lead to another address, and a client that follows with the same method would do there what
// it never asked for: DELETE …/devices/.. would disable the app.
func (a *api) direct(mux *http.ServeMux) http.Handler {
	missing := a.answer(func(http.ResponseWriter, *http.Request) error { return errPath })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Clean(r.URL.Path) != r.URL.Path && path.Clean(r.URL.Path)+"/" != r.URL.Path {
			missing.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// answer makes a problem of a handler's error, and bounds what a request may be.
func (a *api) answer(do handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := do(w, r); err != nil {
			a.problem(w, r, err)
		}
	})
}

// maxBody is the largest request: an event, and room for its spaces.
const maxBody = events.MaxSize + 8<<10

// extension is the one in the path.
func extension(r *http.Request) (events.Extension, error) {
	x := events.Extension{Tenant: r.PathValue("tenant"), Number: r.PathValue("extension")}
	return x, x.Validate()
}
