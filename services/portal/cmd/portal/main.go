// Command portal runs the PBX core's side of the softphone; see package portal.
package main

import (
	"context"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/server"
)

func main() {
	var c server.Config
	process.Main("portal", &c, &c.Config.Config, func(ctx context.Context) error { return server.Run(ctx, c) })
}
