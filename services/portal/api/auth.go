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

// address is the client's, as far as it can be believed: the last one in
// X-Forwarded-For that is not a proxy of ours, when the request came from one.
func (a *api) address(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	from := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !a.proxy(from) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		from = before.Unmap()
	}
	return from.String()
}

func (a *api) proxy(ip netip.Addr) bool {
	return slices.ContainsFunc(a.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
