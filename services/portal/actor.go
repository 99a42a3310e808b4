package portal

import "context"

// EveryTenant is the tenant of an actor who may act for all of them.
const EveryTenant = "*"

// Kinds of actors.
const (
	KindAdministrator = "administrator" // signed in on the pages
	KindAPIToken      = "api-token"     // a tool of an administrator, or a PBX core
)

// Actor is who acts. The zero Actor may do nothing.
type Actor struct {
	Kind   string // one of Kind…
	ID     string // of the session or the API token
	Name   string
	Tenant string // the only one it may act for, or EveryTenant
	Scopes Scopes
}

// String is the actor as others see it: "changed by …".
func (a Actor) String() string {
	if a.Kind == KindAPIToken {
		return "API " + a.Name
	}
	return a.Name
}

type actorKey struct{}

// As says who acts. Their name is kept with every fact they cause, and a conflict shows it.
func As(ctx context.Context, who Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, who)
}

// ActorOf is who acts; the zero Actor when nobody said.
func ActorOf(ctx context.Context) Actor {
	who, _ := ctx.Value(actorKey{}).(Actor)
	return who
}

// actor is the name of who acts; "" when nobody said.
func actor(ctx context.Context) string { return ActorOf(ctx).String() }
