// Command name-sync runs the name-sync worker; see package namesync.
package main

import (
	"context"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/name-sync"
)

func main() {
	process.CollectSeldom()
	var c namesync.Config
	process.Main("name-sync", &c, &c.Config.Config, func(ctx context.Context) error { return namesync.Run(ctx, c) })
}
