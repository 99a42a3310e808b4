// Command device-counter runs the device-counter worker; see package devicecounter.
package main

import (
	"context"

	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

func main() {
	process.CollectSeldom()
	var c devicecounter.Config
	process.Main("device-counter", &c, &c.Config, func(ctx context.Context) error { return devicecounter.Run(ctx, c) })
}
