// Command standalone runs the whole system in one process; see package standalone.
package main

import (
	"context"
	"os"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/standalone"
)

func main() {
	c := standalone.Config{Out: os.Stdout}
	process.Main("standalone", &c, &c.Config, func(ctx context.Context) error { return standalone.Run(ctx, c) })
}
