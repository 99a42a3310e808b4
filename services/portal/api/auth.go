package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
)

// Tokens knows who shows an API token: an *access.Store.
type Tokens interface {
	Find(ctx context.Context, token string) (portal.Actor, error)
}

// admin lets in who has an API token. What it may do, the service decides.
func (a *api) admin(do handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := a.Tokens.Find(r.Context(), bearer(r))
		switch {
		case errors.Is(err, access.ErrUnknown), errors.Is(err, access.ErrEnded):
			return err
		case err != nil: // nobody can be known without the bucket
			return fmt.Errorf("%w: %w", portal.ErrTryAgain, err)
		}
		return do(w, r.WithContext(portal.As(r.Context(), who)))
	}
}

// bearer is the token of a request (RFC 6750), "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// address is the client's, as far as it can be believed: the last one in X-Forwarded-For that is
// not a proxy of ours, when the request came from one. When the header comes from a peer that is
// no named proxy, the peer's address may be a proxy's: it is shared.
func (a *api) address(r *http.Request) (ip string, shared bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "", false
	}
	from := peer.Addr().Unmap()
	forwarded := r.Header.Values("X-Forwarded-For")
	if len(forwarded) > 0 && !a.proxy(from) {
		a.unnamed(from)
		return from.String(), true
	}
	for _, hop := range slices.Backward(strings.Split(strings.Join(forwarded, ","), ",")) {
		if !a.proxy(from) {
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

func (a *api) proxy(ip netip.Addr) bool {
	return slices.ContainsFunc(a.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// unnamed counts a request that an unnamed proxy may have sent, and warns of the first.
func (a *api) unnamed(from netip.Addr) {
	a.unnamedProxy.Inc()
	a.warned.Do(func() {
		a.Log.Warn().Stringer("peer", from).Msg("X-Forwarded-For came from a peer that SOFTPHONE_HTTP_PROXIES does not name, " +
			"so failed sign-ins through it count as from one address: name the proxy. This is said once; " +
			"softphone_unnamed_proxy_requests_total counts")
	})
}
