package mailer

import (
	"context"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

// Main is the program. It runs a mailer as the environment configures it.
func Main() {
	process.CollectSeldom()
	var c Config
	process.Main("mailer", &c, &c.Config, func(ctx context.Context) error { return Run(ctx, c) })
}
