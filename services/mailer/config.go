package mailer

import (
	"errors"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// Config of the worker, from the environment.
type Config struct {
	process.Config
	NATS    process.NATS
	SMTP    delivery.Settings
	Mail    letter.Config
	Bounces Bounces

	// Mails that one replica works on at a time. SMTP_CONNECTIONS bounds those being sent.
	Concurrency int `env:"MAIL_CONCURRENCY" envDefault:"32"`
	// How long a mail is tried.
	Deadline time.Duration `env:"MAIL_DEADLINE" envDefault:"72h"`

	Retry       react.Bounds  `env:"-"` // of package react; tests shorten them
	Recover     react.Bounds  `env:"-"`
	AckWait     time.Duration `env:"-"`
	MinAttempts int           `env:"-"`
}

// Validate checks what the types cannot.
func (c Config) Validate() error {
	var faults []error
	if c.Concurrency < 1 || c.Concurrency > 256 {
		faults = append(faults, fmt.Errorf("MAIL_CONCURRENCY: %d: use 1 to 256", c.Concurrency))
	}
	if c.Deadline < time.Minute {
		faults = append(faults, fmt.Errorf("MAIL_DEADLINE: %s: use a minute or more, such as 72h", c.Deadline))
	}
	return errors.Join(faults...)
}
