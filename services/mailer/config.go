package mailer

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// Config of the worker, from the environment.
type Config struct {
	process.Config
	NATS process.NATS
	SMTP SMTP
	Mail letter.Config

	Concurrency int           `env:"MAIL_CONCURRENCY" envDefault:"8"` // mails sent at a time, by one replica
	Deadline    time.Duration `env:"MAIL_DEADLINE" envDefault:"72h"`  // how long a mail is tried

	Retry       react.Bounds  `env:"-"` // of package react; tests shorten them
	Recover     react.Bounds  `env:"-"`
	AckWait     time.Duration `env:"-"`
	MinAttempts int           `env:"-"`
}

// SMTP says which relay takes the mails: see [delivery.ParseRelay].
type SMTP struct {
	URL       string         `env:"SMTP_URL" envDefault:"smtp://127.0.0.1:1025"`
	Password  process.Secret `env:"SMTP_PASSWORD"`
	CAFile    string         `env:"SMTP_CA_FILE"`    // PEM; whom to trust instead of whom the system trusts
	LocalName string         `env:"SMTP_LOCAL_NAME"` // for EHLO; "": this host's name
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

// Validate checks what the types cannot.
func (s SMTP) Validate() error {
	_, err := s.client()
	return err
}

// client of the relay.
func (s SMTP) client() (*delivery.Client, error) {
	relay, err := delivery.ParseRelay(s.URL, s.Password.Reveal())
	faults := []error{err}
	c := delivery.Config{Relay: relay, LocalName: s.LocalName, Timeouts: delivery.DefaultTimeouts()}
	if s.CAFile != "" {
		c.Roots = x509.NewCertPool()
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			faults = append(faults, fmt.Errorf("SMTP_CA_FILE: %w", err))
		} else if !c.Roots.AppendCertsFromPEM(pem) {
			faults = append(faults, fmt.Errorf("SMTP_CA_FILE: %s holds no certificate in PEM form", s.CAFile))
		}
	}
	client, err := delivery.New(c)
	return client, errors.Join(append(faults, err)...)
}
