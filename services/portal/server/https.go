package server

import (
	"cmp"
	"errors"
	"net"
	"strings"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

// HTTPS makes the portal end TLS itself: with TLS_CERT_FILE and TLS_KEY_FILE, or, where browsers do not trust the
// authority that NATS and Redis do, with a certificate of its own. The files are read again for every connection.
type HTTPS struct {
	// Serve them over TLS.
	On bool `env:"SOFTPHONE_HTTP_TLS"`
	// The certificate for that, PEM. Without it, TLS_CERT_FILE.
	CertFile string `env:"SOFTPHONE_HTTP_CERT_FILE"`
	// Its private key, PEM. Without it, TLS_KEY_FILE.
	KeyFile string `env:"SOFTPHONE_HTTP_KEY_FILE"`
}

// checkHTTPS is a part of Validate.
func (c Config) checkHTTPS() error {
	h := c.HTTPS
	switch {
	case !h.On && h.CertFile+h.KeyFile != "":
		return errors.New("SOFTPHONE_HTTP_TLS: is not set, but SOFTPHONE_HTTP_CERT_FILE or SOFTPHONE_HTTP_KEY_FILE is: set it to true, or take them out")
	case !h.On:
		return nil
	case (h.CertFile == "") != (h.KeyFile == ""):
		return errors.New("SOFTPHONE_HTTP_CERT_FILE: belongs to SOFTPHONE_HTTP_KEY_FILE: set both or neither")
	case c.certificates().CertFile == "":
		return errors.New("SOFTPHONE_HTTP_TLS: is set, but no certificate is: set SOFTPHONE_HTTP_CERT_FILE and SOFTPHONE_HTTP_KEY_FILE, or TLS_CERT_FILE and TLS_KEY_FILE")
	case !strings.HasPrefix(c.URL, "https://"):
		return errors.New("SOFTPHONE_HTTP_URL: must begin with https://, since SOFTPHONE_HTTP_TLS is set")
	}
	return nil
}

// certificates are what browsers are shown.
func (c Config) certificates() process.TLS {
	return process.TLS{CertFile: cmp.Or(c.HTTPS.CertFile, c.TLS.CertFile), KeyFile: cmp.Or(c.HTTPS.KeyFile, c.TLS.KeyFile)}
}

// listen opens the address, and says how it is reached: http or https.
func (c Config) listen() (net.Listener, string, error) {
	l, err := process.Listen("SOFTPHONE_HTTP_LISTEN", c.Listen)
	if err != nil || !c.HTTPS.On {
		return l, "http", err
	}
	// No certificate is asked of clients: browsers would ask their users for one.
	encrypted, err := c.certificates().Serve(l, false, c.Host.Log)
	if err != nil {
		_ = l.Close()
	}
	return encrypted, "https", err
}
