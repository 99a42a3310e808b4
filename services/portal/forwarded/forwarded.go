// Package forwarded finds a client's address behind proxies, as far as it can be believed (X-Forwarded-For).
package forwarded

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Clients knows whose X-Forwarded-For is believed.
type Clients struct {
	proxies []netip.Prefix
	log     zerolog.Logger
	unnamed prometheus.Counter
	warned  sync.Once
}

// New believes these proxies. Without a registry its metric is not shown.
func New(proxies []netip.Prefix, log zerolog.Logger, registry prometheus.Registerer) *Clients {
	c := &Clients{proxies: proxies, log: log, unnamed: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "softphone_unnamed_proxy_requests_total",
		Help: "Requests at a door, sign-ins above all, with X-Forwarded-For from a peer that SOFTPHONE_HTTP_PROXIES does not name.",
	})}
	if registry != nil {
		registry.MustRegister(c.unnamed)
	}
	return c
}

// Address is the client's: the last one in X-Forwarded-For that is not a proxy of ours, when the request came from one. When
// the header comes from a peer that is no named proxy, the peer's address may be a proxy's: it is shared.
func (c *Clients) Address(r *http.Request) (ip string, shared bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "", false
	}
	from := peer.Addr().Unmap()
	forwarded := r.Header.Values("X-Forwarded-For")
	if len(forwarded) > 0 && !c.proxy(from) {
		c.suspect(from)
		return from.String(), true
	}
	for _, hop := range slices.Backward(strings.Split(strings.Join(forwarded, ","), ",")) {
		if !c.proxy(from) {
			break
		}
		before, err := hopAddress(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		from = before
	}
	return from.String(), false
}

// hopAddress reads an address of X-Forwarded-For. Proxies write it with a port, with brackets, or
// bare.
func hopAddress(hop string) (netip.Addr, error) {
	if full, err := netip.ParseAddrPort(hop); err == nil {
		return full.Addr().Unmap(), nil
	}
	bare, bracketed := strings.CutPrefix(hop, "[")
	if bracketed {
		bare, bracketed = strings.CutSuffix(bare, "]")
		if !bracketed {
			return netip.Addr{}, fmt.Errorf("%q is not an address", hop)
		}
	}
	ip, err := netip.ParseAddr(bare)
	return ip.Unmap(), err
}

func (c *Clients) proxy(ip netip.Addr) bool {
	return slices.ContainsFunc(c.proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// suspect counts a request that an unnamed proxy may have sent, and warns of the first.
func (c *Clients) suspect(from netip.Addr) {
	c.unnamed.Inc()
	c.warned.Do(func() {
		c.log.Warn().Stringer("peer", from).Msg("X-Forwarded-For came from a peer that SOFTPHONE_HTTP_PROXIES does not name, " +
			"so failed sign-ins through it count as from one address: name the proxy. This is said once; " +
			"softphone_unnamed_proxy_requests_total counts")
	})
}
