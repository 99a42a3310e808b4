package namesync

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

func testHook(t *testing.T, url string) *webhook {
	t.Helper()
	h, err := newWebhook(Directory{URL: url, Secret: process.NewSecret(secret), Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

// The test vector of the Standard Webhooks libraries.
func TestSignature(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	testHook(t, "http://d.example").sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got := header.Get("Webhook-Signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %s", got)
	}
	if got := header.Get("Webhook-Timestamp"); got != "1614265330" {
		t.Errorf("timestamp %s", got)
	}
}

func TestSignatureIsVerifiedByTheLibrary(t *testing.T) {
	t.Parallel()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	header, body := http.Header{}, []byte(`{"type":"x"}`)
	testHook(t, "http://d.example").sign(header, "an-id", time.Now(), body)
	if err := wh.Verify(body, header); err != nil {
		t.Error(err)
	}
	if err := wh.Verify(append(body, ' '), header); err == nil {
		t.Error("a body that was changed is verified")
	}
}

func TestPost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string // of the error
		wait   time.Duration
	}{
		"200": {answer: func(http.ResponseWriter, *http.Request) {}},
		"202 and a body": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, "thank you")
		}},
		"204": {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		"a redirect": {answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, want: "307 Temporary Redirect"},
		"a refusal":       {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "hunter2", http.StatusBadRequest) }, want: "400 Bad Request"},
		"not now":         {answer: later(503, "7"), want: "503 Service Unavailable", wait: 7 * time.Second},
		"too many":        {answer: later(429, "99999999"), want: "429 Too Many Requests", wait: time.Hour},
		"not ever":        {answer: later(410, "7"), want: "410 Gone"},
		"no answer":       {answer: hang, want: "the directory did not answer"},
		"a broken answer": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: "the directory did not answer"},
		"an endless body": {answer: func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 20 {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			t.Cleanup(server.Close)
			err := testHook(t, server.URL+"/?token=hunter2").post(t.Context(), "id", []byte(`{}`))
			var failed *postError
			errors.As(err, &failed)
			switch {
			case (err == nil) != (test.want == ""), test.want != "" && !strings.Contains(err.Error(), test.want):
				t.Errorf("got %v, want %q", err, test.want)
			case failed != nil && (failed.retryAfter != test.wait || !failed.connected):
				t.Errorf("got %+v, want to wait %s", failed, test.wait)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error tells what is nobody's business: %v", err)
			}
		})
	}
}

func later(status int, seconds string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", seconds)
		w.WriteHeader(status)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	err = testHook(t, "http://"+l.Addr().String()+"/?token=hunter2").post(t.Context(), "id", []byte(`{}`))
	var failed *postError
	if !errors.As(err, &failed) || failed.connected || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("got %v", err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("was sent a name") }))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	err := testHook(t, server.URL).post(t.Context(), "id", []byte(`{}`))
	var failed *postError
	if !errors.As(err, &failed) || failed.connected {
		t.Errorf("got %v", err)
	}
}

func TestPostEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(hang))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := testHook(t, server.URL).post(ctx, "id", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "3601": time.Hour,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0,
		"Sat, 03 Jan 2026 03:04:05 GMT": time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestWhatFailuresMean(t *testing.T) {
	t.Parallel()
	if got := (&postError{}).means(); got != away {
		t.Errorf("no connection: %s", got)
	}
	for want, statuses := range map[meaning][]int{
		away:     {101, 301, 302, 307, 308, 401, 403, 407, 429, 502, 503, 504},
		troubled: {0, 408, 425, 500, 501, 505, 599},
		unwanted: {400, 402, 404, 405, 409, 410, 413, 422, 451},
	} {
		for _, status := range statuses {
			if got := (&postError{connected: true, status: status}).means(); got != want {
				t.Errorf("%d: %s, want %s", status, got, want)
			}
		}
	}
}

// hang takes a request and never answers.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client is gone
	<-r.Context().Done()
}
