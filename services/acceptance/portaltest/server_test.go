package portaltest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/server"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// The process as cmd/portal runs it: configured by the environment, with pages and
// API on one address.
func TestServer(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	var c server.Config
	err := process.Parse(&c, []string{
		"NATS_URL=" + w.NATS.URL(), "REDIS_URL=" + w.Redis.URL(), "SOFTPHONE_HTTP_LISTEN=127.0.0.1:0", "SOFTPHONE_CREDENTIAL_KEY=" + portaltest.SealKey,
		"SOFTPHONE_HTTP_PROXIES=127.0.0.0/8",
		"SOFTPHONE_HTTP_URL=https://portal.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Host = w.Config("portal").Host
	serving := make(chan server.Portal, 1)
	c.Ready = func(p server.Portal) { serving <- p }
	stop := w.Start(func(ctx context.Context) error { return server.Run(ctx, c) })
	p := <-serving
	if part, told := c.Host.Health.Report().Parts["http"]; !told || part.Status != "ok" {
		t.Errorf("it serves, and its health says %+v", part)
	}

	token, _, err := p.Access.Make(t.Context(), access.Token{
		Name: "crm", Tenant: "acme", Scopes: portal.ScopeRead, Ends: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, authorization string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", authorization)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if hsts := response.Header.Get("Strict-Transport-Security"); hsts != "max-age=31536000" {
			t.Errorf("%s: Strict-Transport-Security is %q, for an address that is https", path, hsts)
		}
		return response.StatusCode, string(body)
	}
	if status, body := get("/api/v1/tenants/acme/extensions", "Bearer "+token); status != http.StatusOK || !strings.Contains(body, `"extensions":[]`) {
		t.Errorf("the API: %d %s", status, body)
	}
	if status, body := get("/sign-in", ""); status != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("the pages: %d %.200s", status, body)
	}
	if status, _ := get("/made/up/by/anybody", ""); status != http.StatusNotFound {
		t.Errorf("a path that is none: %d", status)
	}
	want := `
# HELP softphone_http_requests_total HTTP requests to the portal, by route and status code.
# TYPE softphone_http_requests_total counter
softphone_http_requests_total{code="200",method="GET",route="/api/v1/tenants/{tenant}/extensions"} 1
softphone_http_requests_total{code="200",method="GET",route="/sign-in"} 1
softphone_http_requests_total{code="404",method="GET",route="other"} 1
`
	if err := testutil.GatherAndCompare(c.Host.Metrics, strings.NewReader(want), "softphone_http_requests_total"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"softphone_sign_ins_total", "softphone_sign_in_duration_seconds", "softphone_password_hashes_waiting"} {
		if n, err := testutil.GatherAndCount(c.Host.Metrics, name); err != nil || n == 0 {
			t.Errorf("%s is told %d times, %v", name, n, err)
		}
	}
	if _, err := p.Sessions.Link(t.Context(), web.Administrator{Name: "Ada"}); err != nil {
		t.Error(err)
	}
	stop()
}

// What is wrong with the environment is told by its variable.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	var c server.Config
	err := process.Parse(&c, []string{
		"SOFTPHONE_HTTP_LISTEN=nowhere", "SOFTPHONE_HTTP_PROXIES=10.0.0.1",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"SOFTPHONE_HTTP_LISTEN:", "SOFTPHONE_HTTP_PROXIES:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
