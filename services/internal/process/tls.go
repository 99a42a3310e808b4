package process

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// TLS says whom this process trusts and who it is: one setting for every server it connects to and for the ports it
// serves. The files are read again for every connection, so that a renewed certificate needs no restart.
type TLS struct {
	// The authorities that every client trusts instead of those of the system, PEM.
	CAFile string `env:"TLS_CA_FILE"`
	// The certificate of this service, as a client and as a server, PEM; intermediate ones follow it.
	CertFile string `env:"TLS_CERT_FILE"`
	// The private key of that certificate, PEM.
	KeyFile string `env:"TLS_KEY_FILE"`
}

// Validate reads the files: each must hold what it is for, and the certificate must be valid now.
func (t TLS) Validate() error {
	var faults []error
	if t.CAFile != "" {
		_, err := t.authorities()
		faults = append(faults, err)
	}
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		faults = append(faults, errors.New("TLS_KEY_FILE: is not set, but TLS_CERT_FILE is: set both or neither"))
	case t.CertFile == "" && t.KeyFile != "":
		faults = append(faults, errors.New("TLS_CERT_FILE: is not set, but TLS_KEY_FILE is: set both or neither"))
	case t.CertFile != "":
		_, err := t.certificate()
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// used tells whether anything is set.
func (t TLS) used() bool { return t != TLS{} }

// authorities reads TLS_CA_FILE; nil, which means those of the system, when it is not set.
func (t TLS) authorities() (*x509.CertPool, error) {
	if t.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, fault("TLS_CA_FILE: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault("TLS_CA_FILE: %s holds no certificate in PEM form", t.CAFile)
	}
	return pool, nil
}

// certificate reads TLS_CERT_FILE and TLS_KEY_FILE, and refuses a certificate that no server would accept now.
func (t TLS) certificate() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, fault("TLS_CERT_FILE: %s with TLS_KEY_FILE %s: %w", t.CertFile, t.KeyFile, err)
	}
	now := time.Now()
	switch {
	case now.After(pair.Leaf.NotAfter):
		return nil, fault("TLS_CERT_FILE: %s expired on %s: replace it", t.CertFile, day(pair.Leaf.NotAfter))
	case now.Before(pair.Leaf.NotBefore):
		return nil, fault("TLS_CERT_FILE: %s is not valid before %s: replace it, or set the clock", t.CertFile, day(pair.Leaf.NotBefore))
	}
	return &pair, nil
}

// fileFault is what is wrong with one of the files, also where it comes out of a handshake.
type fileFault struct{ error }

func fault(format string, a ...any) error { return fileFault{fmt.Errorf(format, a...)} }

func (f fileFault) Unwrap() error { return f.error }

func day(t time.Time) string { return t.UTC().Format(time.RFC3339) }
