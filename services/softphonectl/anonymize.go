package softphonectl

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// anonymizer replaces what tells of a person, the same always by the same. What
// stands for what only the key could tell, and only by trying.
type anonymizer struct{ key []byte }

// keySize is the size of the key, in bytes.
const keySize = 32

// openAnonymizer reads the key from a file, or makes one.
func openAnonymizer(path string) (*anonymizer, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, keySize)
		_, _ = rand.Read(key) // never fails: it ends the process instead
		text = []byte(hex.EncodeToString(key) + "\n")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("the key to anonymize with: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("the key to anonymize with: %s does not hold %d hexadecimal digits", path, 2*keySize)
	}
	return &anonymizer{key}, nil
}

// alias stands for a value of a kind.
func (a *anonymizer) alias(kind, value string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(kind + "\x00" + value))
	return kind + "-" + hex.EncodeToString(mac.Sum(nil)[:8])
}

func (a *anonymizer) maybe(kind, value string) string {
	if value == "" {
		return ""
	}
	return a.alias(kind, value)
}

// data replaces addresses, names, free texts and device ids of a fact. An address
// goes to .invalid (RFC 2606), where no mail arrives.
func (a *anonymizer) data(d events.Data) events.Data {
	switch e := d.(type) {
	case events.SoftphoneEnabled:
		e.Email = a.alias("user", strings.ToLower(e.Email)) + "@anonymous.invalid"
		e.Username, e.DisplayName = a.alias("user", e.Username), a.alias("name", e.DisplayName)
		return e
	case events.SoftphoneDisabled:
		e.Reason = a.maybe("reason", e.Reason)
		return e
	case events.ExtensionRenamed:
		e.Name = a.alias("name", e.Name)
		return e
	case events.DeviceSignedIn:
		e.DeviceID, e.DeviceName = a.alias("device", e.DeviceID), a.maybe("name", e.DeviceName)
		return e
	case events.DeviceRemoved:
		e.DeviceID = a.alias("device", e.DeviceID)
		return e
	case events.ExtensionDeleted, events.SoftphonePasswordReset, events.WelcomeEmailRequested:
		return d
	}
	return nil // of a newer contract: nobody knows what is in it
}
