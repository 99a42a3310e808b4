// Command portal runs the PBX core's side of the softphone; see package portal. With a
// command it makes links for administrators, and makes, lists and ends API tokens and sets
// tenants' limits: `portal help` lists them.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/server"
)

func main() {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		if err := server.Command(os.Args[1:], os.Environ(), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "portal:", err)
			os.Exit(1)
		}
		return
	}
	var c server.Config
	process.Main("portal", &c, &c.Config.Config, func(ctx context.Context) error { return server.Run(ctx, c) })
}
