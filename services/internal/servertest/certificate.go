package servertest

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/selfsigned"
)

// certificate is a server's, and the pool that trusts it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	c, err := selfsigned.New()
	if err != nil {
		t.Fatal(err)
	}
	return c.Certificate, c.Roots
}

// certificateFile is a certificate as a file in PEM form.
func certificateFile(t testing.TB, cert tls.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(path, selfsigned.PEM(cert.Certificate[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
