package portaltest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// clients is a few more than have room: one computes, 64 wait.
const clients = 72

// Sign-ins with wrong passwords, every one for another account from another address, so
// that nothing but the bounds on hashing slows them, come as fast as they are answered.
// Meanwhile, with every place taken and more turned away, administrators are answered,
// and memory stays bounded. How fast is measured by `make bench`.
func TestFlood(t *testing.T) {
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	token := w.Token("crm", portal.EveryTenant, "read")
	handler := api.New(t.Context(), api.Config{Service: w.Service, Tokens: w.Access, Log: w.Config("api").Host.Log})
	pages := newVisitor(t, w)
	runtime.GC()
	before := heap()

	f := flood{handler: handler, statuses: map[int]int{}, turnedAway: make(chan struct{}, 1)}
	stop := f.begin(t)
	var peak uint64
	for range 5 {
		<-f.turnedAway // every place is taken
		if status := look(handler, token); status != http.StatusOK {
			t.Errorf("the extension answers %d", status)
		}
		if err := pages.look("/tenants/acme/extensions/1001"); err != nil {
			t.Errorf("the extension's page: %v", err)
		}
		peak = max(peak, heap())
		select {
		case <-f.turnedAway:
		default:
		}
		<-f.turnedAway // and they still are
	}
	stop()
	t.Logf("answers %v; heap %d MiB before, %d MiB at most", f.statuses, before>>20, peak>>20)
	if f.statuses[http.StatusUnauthorized] == 0 || f.statuses[http.StatusServiceUnavailable] == 0 {
		t.Errorf("the flood was not answered as expected: %v", f.statuses)
	}
	const bound = 256 << 20
	if peak > before+bound {
		t.Errorf("the heap grew by %d MiB", (peak-before)>>20)
	}
	if _, err := signIn(t, w, e.Username, process.NewSecret(e.Password.Reveal()), "d1"); err != nil {
		t.Errorf("signing in after the flood: %v", err)
	}
}

// flood signs in wrongly, again and again.
type flood struct {
	handler    http.Handler
	turnedAway chan struct{} // told when one is, if somebody listens

	next     atomic.Int64
	mu       sync.Mutex
	statuses map[int]int
}

func (f *flood) begin(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				status := wrongly(ctx, f.handler, int(f.next.Add(1)))
				f.mu.Lock()
				f.statuses[status]++
				f.mu.Unlock()
				if status == http.StatusServiceUnavailable {
					select {
					case f.turnedAway <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	stop = func() { cancel(); all.Wait() }
	t.Cleanup(stop)
	return stop
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// look is what an administrator does meanwhile.
func look(handler http.Handler, token string) (status int) {
	r := httptest.NewRequest(http.MethodGet, api.Prefix+"/tenants/acme/extensions/1001", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	return answer.Code
}

// visitor is an administrator who is signed in, in a browser of sorts.
type visitor struct {
	address string
	session *http.Cookie
}

// newVisitor serves the portal's pages over HTTP and signs an administrator in.
func newVisitor(t *testing.T, w *portaltest.World) *visitor {
	t.Helper()
	client := w.Redis.Client(t)
	pages, err := web.New(t.Context(), web.Config{Core: w.Service, Redis: client, Log: w.Config("web").Host.Log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	link, err := web.NewSessions(client).Link(t.Context(), web.Administrator{Name: "Alex"})
	if err != nil {
		t.Fatal(err)
	}
	stay := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := stay.PostForm(server.URL+"/sign-in", url.Values{"link": {link}})
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if len(answer.Cookies()) != 1 {
		t.Fatalf("signing in: %s", answer.Status)
	}
	return &visitor{address: server.URL, session: answer.Cookies()[0]}
}

// look opens a page.
func (v *visitor) look(path string) error {
	r, err := http.NewRequest(http.MethodGet, v.address+path, http.NoBody)
	if err != nil {
		return err
	}
	r.AddCookie(v.session)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "Reset Password")) {
		err = fmt.Errorf("%s, and it is not the page", answer.Status)
	}
	return err
}

// wrongly signs in as somebody, from somewhere.
func wrongly(ctx context.Context, handler http.Handler, i int) int {
	body, _ := json.Marshal(map[string]any{
		"username": fmt.Sprintf("%d@acme", i), "password": "not the one", "device": map[string]string{"id": "d1", "platform": "other"},
	})
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, api.Prefix+"/softphone/sign-in", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:4711", i>>16&255, i>>8&255, i&255)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	return answer.Code
}
