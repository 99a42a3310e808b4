package server

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// Link writes a one-time link for an administrator: arguments are a name ("" is
// "administrator") and a tenant ("" is all). It reads the environment that the
// portal reads. The link is a secret until it is used.
func Link(arguments, environment []string, out io.Writer) error {
	who := web.Administrator{Name: "administrator"}
	switch len(arguments) {
	case 2:
		who.Tenant = arguments[1]
		fallthrough
	case 1:
		who.Name = arguments[0]
	case 0:
	default:
		return fmt.Errorf("link takes a name and a tenant, not %d words: put a name of several words in quotes", len(arguments))
	}
	var c Config
	if err := process.Parse(&c, environment); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := c.Redis.Connect(ctx, Name)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	token, err := web.NewSessions(client).Link(ctx, who)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s/sign-in#%s\ngood once, for %s\n", strings.TrimRight(c.URL, "/"), token, web.LinkLife)
	return err
}
