package delivery

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

// Settings of delivery, from the environment.
type Settings struct {
	// The mail servers, in the order of preference, separated by blanks or commas: smtp://[user@]host[:587] or
	// smtps://[user@]host[:465], with options after a ?: password-file, token-file, auth, cert-file, key-file,
	// starttls.
	URL string `env:"SMTP_URL" envDefault:"smtp://127.0.0.1:1025"`
	// The password of the user in SMTP_URL.
	Password process.Secret `env:"SMTP_PASSWORD"`
	// The authorities to trust for mail servers instead of those of the system, PEM.
	CAFile string `env:"SMTP_CA_FILE"`
	// The name to say in EHLO. Without it, the name of this host.
	LocalName string `env:"SMTP_LOCAL_NAME"`

	// Connections at a time, of one replica to one server.
	Connections int `env:"SMTP_CONNECTIONS" envDefault:"8"`
	// Mails on one connection, then it ends.
	Mails int `env:"SMTP_CONNECTION_MAILS" envDefault:"100"`
	// How long an unused connection is kept.
	Idle time.Duration `env:"SMTP_CONNECTION_IDLE" envDefault:"30s"`
	// Mails a second, of one replica to one server. 0 is no limit.
	Rate float64 `env:"SMTP_RATE"`
	// How much goes to one recipients' domain: `gmail.com=4 *=2@30/m` is four mails at a time to the first, and two at
	// a time and 30 a minute to each other. Without it one domain has at most three quarters of the connections.
	Domains string `env:"MAIL_DOMAIN_LIMITS"`
	// Keys to sign with: `2026._domainkey.example.com=/run/secrets/dkim.pem`, where the public key is in the DNS and
	// the private key. Without it mails are not signed.
	Keys string `env:"MAIL_DKIM_KEYS"`
}

// Validate checks what the types cannot.
func (s Settings) Validate() error {
	_, err := s.Config()
	return err
}

// Config is what the settings mean. Its error names all faults at once.
func (s Settings) Config() (Config, error) {
	servers, serversErr := ParseServers(s.URL, s.Password.Reveal())
	limits, limitsErr := ParseDomainLimits(s.Domains)
	keys, keysErr := ParseKeys(s.Keys)
	roots, rootsErr := s.roots()
	return Config{
		Servers: servers, LocalName: s.LocalName, Roots: roots, Domains: limits, Rate: s.Rate, Keys: keys,
		Reuse: Reuse{Connections: s.Connections, Mails: s.Mails, Idle: s.Idle},
	}, errors.Join(serversErr, limitsErr, keysErr, rootsErr, checkName(s.LocalName), s.ranges())
}

func (s Settings) ranges() error {
	var faults []error
	for _, n := range []struct {
		name               string
		value, least, most float64
		unit               string
	}{
		{"SMTP_CONNECTIONS", float64(s.Connections), 1, 256, ""},
		{"SMTP_CONNECTION_MAILS", float64(s.Mails), 1, 1_000_000, ""},
		{"SMTP_CONNECTION_IDLE", s.Idle.Seconds(), 1, 3600, "s"},
		{"SMTP_RATE", s.Rate, 0, 1_000_000, ""},
	} {
		if !(n.value >= n.least && n.value <= n.most) { // also not a number
			faults = append(faults, fmt.Errorf("%s: %v%s: use %v%[3]s to %[5]v%[3]s", n.name, n.value, n.unit, n.least, n.most))
		}
	}
	return errors.Join(faults...)
}

func (s Settings) roots() (*x509.CertPool, error) {
	if s.CAFile == "" {
		return nil, nil //nolint:nilnil // the system's
	}
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("SMTP_CA_FILE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("SMTP_CA_FILE: %s holds no certificate in PEM form", s.CAFile)
	}
	return roots, nil
}

func checkName(localName string) error {
	if localName != "" && !domainName.MatchString(localName) {
		return fmt.Errorf("SMTP_LOCAL_NAME: %q is not a full host name such as mailer.example.com", localName)
	}
	return nil
}
