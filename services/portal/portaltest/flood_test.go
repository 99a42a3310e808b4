package portaltest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/portaltest"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

var flooding = flag.Duration("flood", 3*time.Second, "how long sign-ins flood the portal")

// 200 sign-ins a second with wrong passwords, every one for another account from
// another address, so that nothing but the bounds on hashing slows them: what
// administrators look at still answers within a second, and memory stays bounded.
func TestFlood(t *testing.T) {
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	token, line := api.NewToken(api.Token{Name: "crm", Tenant: api.Every})
	tokens, err := api.ParseTokens(line)
	if err != nil {
		t.Fatal(err)
	}
	handler := api.New(t.Context(), api.Config{Service: w.Service, Tokens: tokens, Log: w.Config("api").Host.Log})
	pages := newVisitor(t, w)
	runtime.GC()
	before := heap()

	var mu sync.Mutex
	statuses := map[int]int{}
	var peak uint64
	var slowest, slowestPage time.Duration
	var flood sync.WaitGroup
	ended := time.After(*flooding)
	stop := make(chan struct{})
	flood.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(250 * time.Millisecond):
			}
			took, status := look(handler, token)
			if status != http.StatusOK {
				t.Errorf("the extension answers %d", status)
			}
			page, err := pages.look("/tenants/acme/extensions/1001")
			if err != nil {
				t.Errorf("the extension's page: %v", err)
			}
			slowest, slowestPage, peak = max(slowest, took), max(slowestPage, page), max(peak, heap())
		}
	})
	pace := time.NewTicker(5 * time.Millisecond)
	defer pace.Stop()
	for i := 0; ; i++ {
		flood.Go(func() {
			status := wrongly(handler, i)
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
		select {
		case <-pace.C:
			continue
		case <-ended:
		}
		break
	}
	close(stop)
	flood.Wait()
	t.Logf("in %s: answers %v; the extension within %s, its page within %s; heap %d MiB before, %d MiB at most", *flooding, statuses, slowest, slowestPage, before>>20, peak>>20)
	bearable := time.Second
	if raced { // ten times slower, beside whatever else is tested
		bearable = 10 * time.Second
	}
	if max(slowest, slowestPage) > bearable {
		t.Errorf("the extension took %s, its page %s", slowest, slowestPage)
	}
	if statuses[http.StatusUnauthorized] == 0 || statuses[http.StatusServiceUnavailable] == 0 {
		t.Errorf("the flood was not answered as expected: %v", statuses)
	}
	const bound = 256 << 20
	if peak > before+bound {
		t.Errorf("the heap grew by %d MiB", (peak-before)>>20)
	}
	if _, err := signIn(t, w, e.Username, process.NewSecret(e.Password.Reveal()), "d1"); err != nil {
		t.Errorf("signing in after the flood: %v", err)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// look is what an administrator does meanwhile.
func look(handler http.Handler, token string) (took time.Duration, status int) {
	r := httptest.NewRequest(http.MethodGet, api.Prefix+"/tenants/acme/extensions/1001", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, began := httptest.NewRecorder(), time.Now()
	handler.ServeHTTP(answer, r)
	return time.Since(began), answer.Code
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

// look opens a page and returns how long it took to arrive.
func (v *visitor) look(path string) (time.Duration, error) {
	r, err := http.NewRequest(http.MethodGet, v.address+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	r.AddCookie(v.session)
	began := time.Now()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "Reset Password")) {
		err = fmt.Errorf("%s, and it is not the page", answer.Status)
	}
	return time.Since(began), err
}

// wrongly signs in as somebody, from somewhere.
func wrongly(handler http.Handler, i int) int {
	body, _ := json.Marshal(map[string]any{
		"username": fmt.Sprintf("%d@acme", i), "password": "not the one", "device": map[string]string{"id": "d1", "platform": "other"},
	})
	r := httptest.NewRequest(http.MethodPost, api.Prefix+"/softphone/sign-in", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:4711", i>>16&255, i>>8&255, i&255)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	return answer.Code
}
