// Command portal runs the PBX core's side of the softphone; see package portal.
//
//	portal link [name [tenant]]
//
// makes a one-time link with which an administrator signs in.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/server"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "link" {
		if err := server.Link(os.Args[2:], os.Environ(), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "portal:", err)
			os.Exit(1)
		}
		return
	}
	var c server.Config
	process.Main("portal", &c, &c.Config.Config, func(ctx context.Context) error { return server.Run(ctx, c) })
}
