package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// link writes a one-time link for an administrator: arguments are a name (without one
// "administrator") and a tenant (without one all). It needs Redis alone. The link is a
// secret until it is used.
func link(ctx context.Context, arguments, environment []string, out io.Writer) error {
	who, err := administrator(arguments)
	if err != nil {
		return err
	}
	var c Config
	if err := process.Parse(&c, environment); err != nil {
		return err
	}
	client, err := c.Redis.Connect(ctx, Name)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	token, err := web.NewSessions(client).Link(portal.As(ctx, operator()), who)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s/sign-in#%s\ngood once, for %s\n", strings.TrimRight(c.URL, "/"), token, web.LinkLife)
	return err
}

// operator is who types a command, as the machine knows them.
func operator() portal.Actor {
	who := portal.Actor{Kind: events.Operator}
	if known, err := user.Current(); err == nil {
		who.Name = known.Username
	}
	return who
}

func administrator(arguments []string) (web.Administrator, error) {
	who := web.Administrator{Name: "administrator"}
	switch len(arguments) {
	case 2:
		who.Tenant = arguments[1]
		if err := (events.Extension{Tenant: who.Tenant, Number: "1"}).Validate(); err != nil {
			return who, fmt.Errorf("%w; leave it out for an administrator of all tenants", err)
		}
		fallthrough
	case 1:
		if who.Name = arguments[0]; who.Name == "" {
			return who, errors.New("name: is empty: say who it is for, or leave it out")
		}
	case 0:
	default:
		return who, fmt.Errorf("link takes a name and a tenant, not %d words: put a name of several words in quotes", len(arguments))
	}
	return who, nil
}
