package api

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		peer, forwarded, want string
		shared                bool
	}{
		{"10.0.0.1:99", "203.0.113.8", "203.0.113.8", false},
		{"10.0.0.1:99", "203.0.113.8:51234", "203.0.113.8", false},
		{"10.0.0.1:99", "[2001:db8:1::1]:443", "2001:db8:1::1", false},
		{"10.0.0.1:99", "[2001:db8:1::1]", "2001:db8:1::1", false},
		{"10.0.0.1:99", "2001:db8:1::1", "2001:db8:1::1", false},
		{"10.0.0.1:99", "198.51.100.1, 203.0.113.8:1, 10.0.0.2:80", "203.0.113.8", false},
		{"10.0.0.1:99", "[2001:db8:1::1", "10.0.0.1", false},
		{"10.0.0.1:99", "", "10.0.0.1", false},
		{"192.0.2.7:99", "203.0.113.8", "192.0.2.7", true},
		{"192.0.2.7:99", "", "192.0.2.7", false},
	} {
		a := &api{Config: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Log: zerolog.Nop()}, unnamedProxy: prometheus.NewCounter(prometheus.CounterOpts{Name: "x_total", Help: "x"})}
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		got, shared := a.address(r)
		if got != c.want || shared != c.shared {
			t.Errorf("%s, forwarded for %q: %s, shared %t; want %s, %t", c.peer, c.forwarded, got, shared, c.want, c.shared)
		}
		if counted := testutil.ToFloat64(a.unnamedProxy) == 1; counted != c.shared {
			t.Errorf("%s, forwarded for %q: counted as of an unnamed proxy: %t", c.peer, c.forwarded, counted)
		}
	}
}

// A path that is not in its shortest form is not there: a redirect would be followed with
// the same method.
func TestNothingRedirects(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/api", "/api/v1", "/api/v1/tenants/acme/extensions/1001/softphone/devices/..", "/api/v1/tenants/acme/extensions/1001/softphone/devices/.",
		"/api/v1/tenants/acme/extensions/1001/softphone/devices/%2e%2e", "/api//v1/openapi.yaml", "/api/..",
	} {
		r, w := request(t, http.MethodDelete, path, "", "")
		(&api{}).handler().ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("DELETE %s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}
