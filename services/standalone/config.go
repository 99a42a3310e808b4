package standalone

import (
	"errors"
	"io"

	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	"github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/portal/server"
)

// Config of the process, from the environment.
type Config struct {
	process.Config

	// The folder of everything that is stored.
	Data string `env:"SOFTPHONE_DATA" envDefault:"./data"`
	// Where the embedded NATS server listens.
	NATSListen string `env:"SOFTPHONE_NATS_LISTEN" envDefault:"127.0.0.1:4222"`
	// Where the test inbox is served.
	InboxListen string `env:"SOFTPHONE_INBOX_LISTEN" envDefault:"127.0.0.1:8025"`
	// Where the test inbox takes mail.
	SMTPListen string `env:"SOFTPHONE_SMTP_LISTEN" envDefault:"127.0.0.1:1025"`

	Outside Outside

	License       license.Config
	DeviceCounter devicecounter.Config
	Mailer        mailer.Config
	NameSync      namesync.Config
	Portal        server.Config

	Out io.Writer `env:"-"` // where it says where to look; nil for nowhere
}

// Outside are the servers to use instead of embedded ones. The workers read the
// same variables, with their own defaults.
type Outside struct {
	NATS  string `env:"NATS_URL"`
	Redis string `env:"REDIS_URL"`
	SMTP  string `env:"SMTP_URL"`
}

// Validate checks what the types cannot.
func (c Config) Validate() error {
	faults := []error{c.Config.Validate()}
	if c.Data == "" {
		faults = append(faults, errors.New("SOFTPHONE_DATA: is empty: name a folder"))
	}
	if c.Outside.NATS == "" {
		faults = append(faults, process.CheckAddress("SOFTPHONE_NATS_LISTEN", c.NATSListen))
	}
	if c.Outside.SMTP == "" {
		faults = append(faults,
			process.CheckAddress("SOFTPHONE_INBOX_LISTEN", c.InboxListen), process.CheckAddress("SOFTPHONE_SMTP_LISTEN", c.SMTPListen))
	}
	return errors.Join(faults...)
}
