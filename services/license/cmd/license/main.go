// Command license runs the license worker; see package license.
package main

import (
	"context"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/license"
)

func main() {
	process.CollectSeldom()
	var c license.Config
	process.Main("license", &c, &c.Config, func(ctx context.Context) error { return license.Run(ctx, c) })
}
