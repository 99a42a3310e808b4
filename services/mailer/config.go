package mailer

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
)

// Config of the worker, from the environment.
type Config struct {
	process.Config
	NATS process.NATS
	SMTP SMTP
	Mail Mail

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

// Mail is what mails say of who sends them, and their links.
type Mail struct {
	From    string `env:"MAIL_FROM" envDefault:"Softphone <softphone@softphone.example>"`
	ReplyTo string `env:"MAIL_REPLY_TO"` // "": From; {tenant} in it is the tenant's name
	Domain  string `env:"MAIL_DOMAIN"`   // of Message-Id; "": From's

	Mac     string `env:"DOWNLOAD_URL_MAC" envDefault:"https://softphone.example/download/mac"`
	IPhone  string `env:"DOWNLOAD_URL_IPHONE" envDefault:"https://softphone.example/download/iphone"`
	Windows string `env:"DOWNLOAD_URL_WINDOWS" envDefault:"https://softphone.example/download/windows"`
	Android string `env:"DOWNLOAD_URL_ANDROID" envDefault:"https://softphone.example/download/android"`
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

// Validate checks what the types cannot.
func (m Mail) Validate() error {
	_, err := m.letterhead()
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

// tenantMark in MAIL_REPLY_TO stands for the tenant's name.
const tenantMark = "{tenant}"

// letterhead of all mails. Its Reply-To may still hold the tenantMark.
func (m Mail) letterhead() (Letterhead, error) {
	var faults []error
	parse := func(variable, value string) mail.Address {
		address, err := mail.ParseAddress(value)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %q is not of the form Name <name@example.com>", variable, value))
			return mail.Address{}
		}
		return *address
	}
	h := Letterhead{
		From: parse("MAIL_FROM", m.From), Domain: m.Domain,
		Links: Links{Mac: m.Mac, IPhone: m.IPhone, Windows: m.Windows, Android: m.Android},
	}
	if m.ReplyTo != "" {
		h.ReplyTo = parse("MAIL_REPLY_TO", m.ReplyTo)
	}
	if h.Domain == "" {
		_, h.Domain, _ = strings.Cut(h.From.Address, "@")
	}
	if len(faults) > 0 {
		return Letterhead{}, errors.Join(faults...)
	}
	return h, h.of("tenant").validate()
}

// of is the letterhead of a tenant's mails.
func (h Letterhead) of(tenant string) Letterhead {
	h.ReplyTo.Name = strings.ReplaceAll(h.ReplyTo.Name, tenantMark, tenant)
	h.ReplyTo.Address = strings.ReplaceAll(h.ReplyTo.Address, tenantMark, tenant)
	return h
}
