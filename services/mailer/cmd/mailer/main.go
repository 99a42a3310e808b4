// Command mailer runs the mailer; see package mailer.
package main

import (
	"context"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer"
)

func main() {
	var c mailer.Config
	process.Main("mailer", &c, &c.Config, func(ctx context.Context) error { return mailer.Run(ctx, c) })
}
