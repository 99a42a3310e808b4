package namesync

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// request is what a directory got.
type request struct {
	id, key string // webhook-id and Idempotency-Key
	body    string
	at      time.Time
	message
}

// directory is an outside one. It verifies every signature with the library and,
// unless script answers instead, takes each name as it comes: the one that is
// finished last stays.
type directory struct {
	t      *testing.T
	server *httptest.Server
	script func(n int, r request) (status int) // of the n-th request, from 1; 0 takes it; may block; may be nil

	mu       sync.Mutex
	requests []request
	names    map[string]string // by extension
	took     map[string]bool   // every name that ever was one's
	after    string            // sent as Retry-After with whatever the script answers
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{t: t, names: map[string]string{}, took: map[string]bool{}}
	d.server = httptest.NewServer(d)
	t.Cleanup(func() { d.server.Close() })
	return d
}

// config is how a worker is told of it, with short pauses.
func (d *directory) config() Directory {
	pauses := react.Bounds{First: 20 * time.Millisecond, Max: 200 * time.Millisecond}
	return Directory{
		URL: d.server.URL + "/names", Secret: process.NewSecret(secret), Timeout: 5 * time.Second,
		Retry: pauses, Recover: pauses,
	}
}

func (d *directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // a worker that was stopped
	}
	if wh, err := standardwebhooks.NewWebhook(secret); err != nil || wh.Verify(body, r.Header) != nil || r.Method != http.MethodPost {
		d.t.Errorf("%s %v is not signed as it should be: %v", r.Method, r.Header, err)
	}
	got := request{
		id: r.Header.Get("Webhook-Id"), key: r.Header.Get("Idempotency-Key"), body: string(body), at: time.Now(),
	}
	if err := json.Unmarshal(body, &got.message); err != nil {
		d.t.Errorf("%s: %v", body, err)
	}
	d.mu.Lock()
	d.requests = append(d.requests, got)
	n := len(d.requests)
	d.mu.Unlock()
	status := 0
	if d.script != nil {
		status = d.script(n, got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if status != 0 {
		if d.after != "" {
			w.Header().Set("Retry-After", d.after)
		}
		w.WriteHeader(status)
		return
	}
	d.names[got.Data.Tenant+"/"+got.Data.Extension] = got.Data.Name
	d.took[got.Data.Name] = true
	w.WriteHeader(http.StatusNoContent)
}

func (d *directory) got() []request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

func (d *directory) name(x events.Extension) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[x.String()]
}

// pushed waits until every rename in the log is told and acknowledged, after at
// least so many requests.
func (d *directory) pushed(w *workertest.World, requests int) {
	d.t.Helper()
	workertest.Settled(d.t, w, Rules())
	w.Eventually("all names are pushed", func() bool {
		idle, err := servertest.Idle(d.t.Context(), w.JS, events.Stream, PushDurable)
		return idle && err == nil && len(d.got()) >= requests
	})
}

func (d *directory) hasNot(word string) {
	d.t.Helper()
	for _, r := range d.got() {
		if strings.Contains(r.body+r.id+r.key, word) {
			d.t.Errorf("the directory was sent the password: %+v", r)
		}
	}
}
