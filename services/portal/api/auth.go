package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/security"
)

// Tokens knows who shows an API token: an *access.Store.
type Tokens interface {
	Find(ctx context.Context, token string) (portal.Actor, error)
}

// admin lets in who has an API token. What it may do, the service decides. A token that is refused is recorded.
func (a *api) admin(do handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := a.Tokens.Find(r.Context(), bearer(r))
		switch {
		case errors.Is(err, access.ErrUnknown):
			a.refused(r, who, security.Unknown)
			return err
		case errors.Is(err, access.ErrEnded):
			a.refused(r, who, security.Ended)
			return err
		case err != nil: // nobody can be known without the bucket
			return fmt.Errorf("%w: %w", portal.ErrTryAgain, err)
		}
		err = do(w, r.WithContext(portal.As(r.Context(), who)))
		if _, forbidden := errors.AsType[*portal.Forbidden](err); forbidden {
			a.refused(r, who, security.Forbidden)
		}
		return err
	}
}

// refused records an API token that is refused, and whose it is where that is known.
func (a *api) refused(r *http.Request, who portal.Actor, result string) {
	from, _ := a.Clients.Address(r)
	a.Security.Record(security.Event{
		What: security.APIToken, Result: result, From: from, Tenant: who.Tenant,
		Actor: events.Actor{Kind: who.Kind, ID: who.ID, Name: who.Name},
	})
}

// bearer is the token of a request (RFC 6750), "" when there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
