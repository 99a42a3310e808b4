package mailer

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

// garbage is how much a mailer may let lie, in percent of what is alive: that is a
// few MB, and all that a mail is made of is garbage when it is sent. With Go's 100
// collecting took a tenth of the processor's time.
const garbage = 300

// Main is the program. It runs a mailer as the environment configures it.
func Main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	var c Config
	process.Main("mailer", &c, &c.Config, func(ctx context.Context) error { return Run(ctx, c) })
}
