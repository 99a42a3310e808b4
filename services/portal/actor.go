package portal

import (
	"context"
	"strings"
	"unicode"

	"github.com/mycloudpbx/softphone/events"
)

// EveryTenant is the tenant of an actor who may act for all of them.
const EveryTenant = "*"

// Kinds of actors.
const (
	KindAdministrator = events.ActorAdministrator // signed in on the pages
	KindAPIToken      = events.ActorAPIToken      // a tool of an administrator, or a PBX core
)

// Actor is who acts. The zero Actor may do nothing.
type Actor struct {
	Kind   string // one of Kind…
	ID     string // of the session or the API token
	Name   string
	Tenant string // the only one it may act for, or EveryTenant
	Scopes Scopes
}

type actorKey struct{}

// As says who acts. They are in every fact they cause, and a conflict shows them.
func As(ctx context.Context, who Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, who)
}

// ActorOf is who acts; the zero Actor when nobody said.
func ActorOf(ctx context.Context) Actor {
	who, _ := ctx.Value(actorKey{}).(Actor)
	return who
}

// actor is who acts, as a fact names them. What would not fit into an event is cut.
func actor(ctx context.Context) events.Actor {
	who := ActorOf(ctx)
	return events.Actor{Kind: who.Kind, ID: oneLine(who.ID), Name: oneLine(who.Name)}
}

// maxName bounds what a fact says of an actor, in characters.
const maxName = 128

// oneLine makes a name fit for an event: one line, bounded.
func oneLine(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if characters := []rune(name); len(characters) > maxName {
		name = string(characters[:maxName])
	}
	return strings.TrimSpace(name)
}
