package api

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// Config of the API.
type Config struct {
	Service *portal.Service
	Tokens  Tokens
	Log     zerolog.Logger
	Proxies []netip.Prefix // whose X-Forwarded-For is believed
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
		{http.MethodPost, softphone, a.admin(a.enable)},
		{http.MethodDelete, softphone, a.admin(a.disable)},
		{http.MethodPost, softphone + "/password", a.admin(a.resetPassword)},
		{http.MethodGet, softphone + "/devices", a.admin(a.devices)},
		{http.MethodDelete, softphone + "/devices/{device}", a.admin(a.removeDevice)},
		{http.MethodPost, softphone + "/welcome-email", a.admin(a.sendWelcome)},

		{http.MethodPost, "/events", a.admin(a.publish)},
		{http.MethodGet, "/openapi.yaml", a.description},
	}
}

// New returns the handler of everything under Prefix. When ctx ends, so do the
// streams that are open.
func New(ctx context.Context, c Config) http.Handler {
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
	for path, allowed := range methods {
		slices.Sort(allowed)
		mux.Handle(Prefix+path, a.answer(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return errMethod
		}))
	}
	mux.Handle(Prefix+"/", a.answer(func(http.ResponseWriter, *http.Request) error { return errPath }))
	return mux
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
