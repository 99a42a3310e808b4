package portaltest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/portaltest"
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
	runtime.GC()
	before := heap()

	var mu sync.Mutex
	statuses := map[int]int{}
	var peak uint64
	var slowest time.Duration
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
			slowest, peak = max(slowest, took), max(peak, heap())
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
	t.Logf("in %s: answers %v; the extension within %s; heap %d MiB before, %d MiB at most", *flooding, statuses, slowest, before>>20, peak>>20)
	bearable := time.Second
	if raced { // ten times slower, beside whatever else is tested
		bearable = 10 * time.Second
	}
	if slowest > bearable {
		t.Errorf("the extension took %s", slowest)
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
