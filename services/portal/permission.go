package portal

import (
	"context"
	"fmt"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// Scopes are what an actor may do at all; the tenant says for whom.
type Scopes uint8

// The scopes, and the names by which people know them.
const (
	ScopeRead  Scopes = 1 << iota // "read": look at extensions
	ScopeAdmin                    // "admin": what an administrator does on the pages, looking included
	ScopeCore                     // "core": publish facts, as a PBX core does
)

func scopeNames() map[string]Scopes {
	return map[string]Scopes{"read": ScopeRead, "admin": ScopeAdmin, "core": ScopeCore}
}

// ParseScopes reads names with commas between them.
func ParseScopes(text string) (all Scopes, err error) {
	for name := range strings.SplitSeq(text, ",") {
		scope, known := scopeNames()[strings.TrimSpace(name)]
		if !known {
			return 0, &events.FieldError{Field: "scopes", Problem: fmt.Sprintf("%q is not a scope: use read, admin, core, or several with commas", name)}
		}
		all |= scope
	}
	return all, nil
}

// String has the names with commas between them.
func (s Scopes) String() string {
	var names []string
	for _, name := range []string{"read", "admin", "core"} {
		if s&scopeNames()[name] != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// operation is what is asked of a [Service]: one for each method that is not open to everybody.
type operation string

const (
	opList          operation = "list extensions"
	opGet           operation = "see an extension"
	opHistory       operation = "see the history of an extension"
	opWatch         operation = "watch an extension" //nolint:gosec // no credentials, but what is done with them
	opAdd           operation = "add an extension"
	opSave          operation = "rename an extension"
	opDelete        operation = "delete an extension"
	opEnable        operation = "enable an app"
	opDisable       operation = "disable an app"
	opResetPassword operation = "reset a password"
	opRemoveDevice  operation = "remove a device"
	opChangeEmail   operation = "change an e-mail address"
	opSendWelcome   operation = "send the welcome e-mail again"
	opPublish       operation = "publish facts"
)

// scopesFor is the table of permissions: the scopes of which any one lets an actor do it, for their tenant.
// What stands in no row, nobody may do. Whoever signs in, shows a device's token or ends one proves by
// that what they may: those methods are not in the table.
func scopesFor(op operation) Scopes {
	switch op {
	case opList, opGet, opHistory, opWatch:
		return ScopeRead | ScopeAdmin
	case opAdd, opSave, opDelete, opEnable, opDisable, opResetPassword, opRemoveDevice, opChangeEmail, opSendWelcome:
		return ScopeAdmin
	case opPublish:
		return ScopeCore
	}
	return 0
}

// authorize is the one place that decides who may do what. It returns a *[Forbidden].
func authorize(ctx context.Context, op operation, tenant string) error {
	who, needed := ActorOf(ctx), scopesFor(op)
	switch {
	case who.Scopes&needed == 0:
		return &Forbidden{Detail: fmt.Sprintf("to %s needs the scope %s", op, strings.ReplaceAll(needed.String(), ",", " or "))}
	case who.Tenant != EveryTenant && who.Tenant != tenant:
		return &Forbidden{Detail: "this is another tenant's"}
	}
	return nil
}
