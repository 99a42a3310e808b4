package delivery

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
)

// Secret returns a password or a token when it is needed.
type Secret func() (string, error)

// Known is a secret that does not change.
func Known(secret string) Secret { return func() (string, error) { return secret, nil } }

// FromFile reads a secret whenever it is needed, so that it can be renewed while the mailer
// runs: a token is good for an hour or so. White space at its end is not part of it.
func FromFile(path string) Secret {
	return func() (string, error) {
		body, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("the secret in a file: %w", err)
		}
		secret := strings.TrimRight(string(body), " \t\r\n")
		if secret == "" {
			return "", fmt.Errorf("the secret in a file: %s is empty", path)
		}
		return secret, nil
	}
}

// Certificate is a client certificate and its key, PEM files. They are read again
// for every connection.
type Certificate struct{ CertFile, KeyFile string }

func (c Certificate) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("cert-file and key-file: %w", err)
	}
	return &pair, nil
}

// show is for tls.Config.GetClientCertificate; nil when there is none to show.
func (c Certificate) show() func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if c == (Certificate{}) {
		return nil
	}
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.load() }
}
