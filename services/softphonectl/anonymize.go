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

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/replay"
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

// address goes to .invalid (RFC 2606), where no mail arrives.
func (a *anonymizer) address(value string) string {
	if value == "" {
		return ""
	}
	return a.alias("user", strings.ToLower(value)) + "@anonymous.invalid"
}

// actor keeps what kind it is. A device has the alias that its sign-in has.
func (a *anonymizer) actor(by events.Actor) events.Actor {
	kind := "actor"
	if by.Kind == events.ActorDevice {
		kind = "device"
	}
	by.ID, by.Name = a.maybe(kind, by.ID), a.maybe("name", by.Name)
	return by
}

// data replaces addresses, names, free texts and device ids of an event; nil for
// one of which nobody knows what is personal.
func (a *anonymizer) data(d events.Data) events.Data {
	if hidden := a.fact(d); hidden != nil {
		return hidden
	}
	return a.outcome(d)
}

func (a *anonymizer) fact(d events.Data) events.Data {
	switch e := d.(type) {
	case events.SoftphoneEnabled:
		e.Email = a.address(e.Email)
		e.Username, e.DisplayName = a.alias("user", e.Username), a.alias("name", e.DisplayName)
		return e
	case events.SoftphoneDisabled:
		e.Reason = a.maybe("reason", e.Reason)
		return e
	case events.SoftphoneEmailChanged:
		e.Email = a.address(e.Email)
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
	return nil
}

// outcome replaces in an outcome what fact replaces in its cause, so that they
// still fit together.
func (a *anonymizer) outcome(d events.Data) events.Data {
	switch e := d.(type) {
	case events.LicenseGranted:
		e.Email = a.address(e.Email)
		e.Username, e.DisplayName = a.alias("user", e.Username), a.alias("name", e.DisplayName)
		return e
	case events.LicenseRevoked:
		e.Reason = a.maybe("reason", e.Reason)
		return e
	case events.LicenseEmailChanged:
		e.Email, e.PreviousEmail = a.address(e.Email), a.address(e.PreviousEmail)
		return e
	case events.DeviceActivated:
		e.DeviceID, e.DeviceName = a.alias("device", e.DeviceID), a.maybe("name", e.DeviceName)
		return e
	case events.DeviceActivationLimitReached:
		e.DeviceID, e.DeviceName = a.alias("device", e.DeviceID), a.maybe("name", e.DeviceName)
		seats := make([]events.Seat, len(e.Devices))
		for i, seat := range e.Devices {
			seat.DeviceID, seat.DeviceName = a.alias("device", seat.DeviceID), a.maybe("name", seat.DeviceName)
			seats[i] = seat
		}
		e.Devices = seats
		return e
	case events.DeviceSignInRefused:
		e.DeviceID = a.alias("device", e.DeviceID)
		return e
	case events.DeviceDeactivated:
		e.DeviceID = a.alias("device", e.DeviceID)
		return e
	case events.SoftphoneRenamed:
		e.Name = a.alias("name", e.Name)
		return e
	}
	return a.mail(d)
}

// mail replaces the address, and what mail servers said: their words may repeat it.
// The codes still tell what happened. The reason of an EmailSkipped is ours.
func (a *anonymizer) mail(d events.Data) events.Data {
	switch e := d.(type) {
	case events.EmailSent:
		e.To, e.Reason = a.address(e.To), a.maybe("words", e.Reason)
		return e
	case events.EmailFailed:
		e.To, e.Reason = a.address(e.To), a.maybe("words", e.Reason)
		return e
	case events.EmailDeferred:
		e.To, e.Reason = a.address(e.To), a.maybe("words", e.Reason)
		return e
	case events.EmailBounced:
		e.To, e.Reason = a.address(e.To), a.maybe("words", e.Reason)
		return e
	case events.EmailSkipped:
		e.To = a.address(e.To)
		return e
	}
	return nil // of a newer contract: nobody knows what is in it
}

// message is the event with nobody in it; false for what is no event. Of its headers those stay that say what
// belongs together.
func (a *anonymizer) message(m eventlog.Message) (hidden eventlog.Message, known bool) {
	event, err := change(m, nil, a)
	if err != nil {
		return m, false
	}
	kept := nats.Header{}
	for _, name := range []string{events.HeaderMsgID, events.HeaderCause, events.HeaderCauseID, events.HeaderTraceParent} {
		if value := m.Header.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	m.Header = kept
	m.Data, err = event.Encode()
	return m, err == nil
}

// hiding are the flags of what can be anonymized.
type hiding struct {
	anonymize bool
	keyFile   string
}

func (h *hiding) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&h.anonymize, "anonymize", false, "replace addresses, names, reasons and device ids")
	flags.StringVar(&h.keyFile, "anonymize-key", "", "file with the key that decides what stands for what (default: made once in --state-dir)")
}

// anonymizer is nil when nothing is to be replaced.
func (h *hiding) anonymizer(x *session) (*anonymizer, error) {
	switch {
	case !h.anonymize && h.keyFile != "":
		return nil, usageError{errors.New("--anonymize-key: nothing is replaced without --anonymize")}
	case !h.anonymize:
		return nil, nil //nolint:nilnil // documented
	case h.keyFile != "":
		return openAnonymizer(h.keyFile)
	}
	folder, err := x.stateFolder()
	if err != nil {
		return nil, err
	}
	return openAnonymizer(filepath.Join(folder, "anonymize.key"))
}

func (h *hiding) change(x *session) (replay.Change, error) {
	hide, err := h.anonymizer(x)
	if hide == nil || err != nil {
		return nil, err
	}
	return hide.message, nil
}
