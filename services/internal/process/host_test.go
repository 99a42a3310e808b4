package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

func TestHealthPages(t *testing.T) {
	t.Parallel()
	h := NewHost(zerolog.Nop())
	ops := h.OpsHandler()
	steps := []struct {
		name           string
		do             func()
		healthz, ready int
		want           Report
	}{
		{"at first", func() {}, 200, 200, Report{"ok", map[string]Part{}}},
		{"not ready", func() { h.Health.NotReady("nats", errors.New("lost")) }, 200, 503,
			Report{"not ready", map[string]Part{"nats": {"not ready", "lost"}}}},
		{"broken too", func() { h.With("license").Health.Broken("partition 7", errors.New("older\nlog")) }, 503, 503,
			Report{"broken", map[string]Part{"nats": {"not ready", "lost"}, "license/partition 7": {"broken", "older; log"}}}},
		{"the same part is both", func() { h.Health.Broken("nats", errors.New("gone")) }, 503, 503,
			Report{"broken", map[string]Part{"nats": {"broken", "gone"}, "license/partition 7": {"broken", "older; log"}}}},
		{"one is well again", func() { h.Health.Broken("nats", nil); h.Health.NotReady("nats", nil) }, 503, 503,
			Report{"broken", map[string]Part{"nats": {"ok", ""}, "license/partition 7": {"broken", "older; log"}}}},
		{"all are", func() { h.With("license").Health.Broken("partition 7", nil) }, 200, 200,
			Report{"ok", map[string]Part{"nats": {"ok", ""}, "license/partition 7": {"ok", ""}}}},
	}
	for _, s := range steps {
		s.do()
		for path, code := range map[string]int{"/healthz": s.healthz, "/readyz": s.ready} {
			w := httptest.NewRecorder()
			ops.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			var got Report
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(s.want, got); d != "" || w.Code != code {
				t.Errorf("%s: %s: code %d, want %d; %s", s.name, path, w.Code, code, d)
			}
		}
	}
}

func TestServeHTTP(t *testing.T) {
	leaks(t)
	h := NewHost(zerolog.Nop())
	h.Metrics.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "test_total", Help: "For the test."}))
	l, err := Listen("TEST_LISTEN", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := ServeHTTP(l, h.OpsHandler())
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + s.Address() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(body), "test_total 0") || !strings.Contains(string(body), "go_goroutines") {
		t.Errorf("metrics: %v\n%s", err, body)
	}
	_, err = Listen("TEST_LISTEN", s.Address())
	if !errors.Is(err, ErrAddressTaken) || !strings.Contains(err.Error(), "TEST_LISTEN") || !strings.Contains(err.Error(), s.Address()) {
		t.Errorf("a taken address: %v", err)
	}
	if _, err = Listen("TEST_LISTEN", "192.0.2.1:1"); err == nil || !strings.HasPrefix(err.Error(), "TEST_LISTEN: ") {
		t.Errorf("somebody else's address: %v", err)
	}
}

// TestHealthOfALogWithoutWrites: while the log takes no writes for longer than an election lasts, a person is needed.
func TestHealthOfALogWithoutWrites(t *testing.T) {
	t.Parallel()
	h, now := NewHealth(), time.Now()
	h.parts.now = func() time.Time { return now }
	full := fmt.Errorf("renew partition 7: %w", eventlog.ErrUnwritable)
	worker := h.With("license")
	worker.NotReady("leases", full)
	if r := h.Report(); r.Status != statusNotReady || r.Parts[PartLog].Status == statusBroken {
		t.Errorf("at once: %+v", r)
	}
	now = now.Add(unwritableLimit + time.Second)
	worker.NotReady("leases", full)
	if r := h.Report(); r.Status != statusBroken || !strings.Contains(r.Parts[PartLog].Reason, "free space on the disk and restart") {
		t.Errorf("after %s: %+v", unwritableLimit, r)
	}
	worker.NotReady("leases", nil)
	if r := h.Report(); r.Status != statusOK {
		t.Errorf("when it is over: %+v", r)
	}
}
