package namesync

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

// Directory is where names are pushed to. Without a URL, nothing is.
type Directory struct {
	// An endpoint that takes a POST for each rename. Without it none is pushed.
	URL string `env:"DIRECTORY_URL"`
	// Signs those requests: whsec_ and base64, as in Standard Webhooks.
	Secret process.Secret `env:"DIRECTORY_SECRET"`
	// How long one request may take.
	Timeout time.Duration `env:"DIRECTORY_TIMEOUT" envDefault:"10s"`

	Retry   react.Bounds `env:"-"` // of package react; tests shorten them
	Recover react.Bounds `env:"-"`
}

// Of the key, in bytes: what Standard Webhooks allows.
const (
	minKey    = 24
	maxKey    = 64
	keyPrefix = "whsec_"
)

// Bounds of the timeout: longer than any network, shorter than a message is held.
const (
	minTimeout = 100 * time.Millisecond
	maxTimeout = time.Minute
)

// Validate checks what the types cannot.
func (d Directory) Validate() error {
	if d.URL == "" {
		if !d.Secret.Empty() {
			return errors.New("DIRECTORY_SECRET: is set, but DIRECTORY_URL is not: set both or neither")
		}
		return nil
	}
	faults := []error{d.checkURL()}
	if _, err := d.key(); err != nil {
		faults = append(faults, err)
	}
	if d.Timeout < minTimeout || d.Timeout > maxTimeout {
		faults = append(faults, fmt.Errorf("DIRECTORY_TIMEOUT: %s: use %s to %s", d.Timeout, minTimeout, maxTimeout))
	}
	return errors.Join(faults...)
}

func (d Directory) checkURL() error {
	u, err := url.Parse(d.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Fragment != "":
		return fmt.Errorf("DIRECTORY_URL: %q is not a URL like https://directory.example/softphone", process.Redact(d.URL))
	case u.User != nil:
		return errors.New("DIRECTORY_URL: has a user or password in it: remove them, the directory knows us by the signature")
	}
	return nil
}

// key that signs. Its errors say nothing of the secret.
func (d Directory) key() ([]byte, error) {
	encoded, prefixed := strings.CutPrefix(d.Secret.Reveal(), keyPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !prefixed || err != nil || len(key) < minKey || len(key) > maxKey {
		return nil, fmt.Errorf("DIRECTORY_SECRET: must be %s and %d to %d random bytes in base64: make one with: echo %s$(openssl rand -base64 32)",
			keyPrefix, minKey, maxKey, keyPrefix)
	}
	return key, nil
}
