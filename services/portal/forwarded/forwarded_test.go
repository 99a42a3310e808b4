package forwarded_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/portal/forwarded"
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
		shown := prometheus.NewRegistry()
		clients := forwarded.New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, zerolog.Nop(), shown)
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		got, shared := clients.Address(r)
		if got != c.want || shared != c.shared {
			t.Errorf("%s, forwarded for %q: %s, shared %t; want %s, %t", c.peer, c.forwarded, got, shared, c.want, c.shared)
		}
		families, err := shown.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if counted := families[0].GetMetric()[0].GetCounter().GetValue() == 1; counted != c.shared {
			t.Errorf("%s, forwarded for %q: counted as of an unnamed proxy: %t", c.peer, c.forwarded, counted)
		}
	}
}
