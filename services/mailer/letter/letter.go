package letter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// Kind is which mail: the value of an outcome's field kind.
type Kind string

// The mails there are.
const (
	Welcome            Kind = events.KindWelcome
	PasswordChanged    Kind = events.KindPasswordChanged
	DeviceLimitReached Kind = events.KindDeviceLimitReached
	EmailChanged       Kind = events.KindEmailChanged // to the address until then
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Welcome, PasswordChanged, DeviceLimitReached, EmailChanged} }

// Letter is what is particular to one mail. There is no field for a password,
// and no template that could show one.
type Letter struct {
	Kind        Kind
	Tenant      string // whose brand it has
	To          string // bare address
	Name        string // of the person; may be empty
	Username    string
	Locale      string // BCP 47; may be empty
	DeviceLimit int
	Devices     []Device  // some of those in use; of DeviceLimitReached alone
	CauseID     string    // of the event that asks for the mail: the left-hand side of Message-Id
	Date        time.Time // when the log stored that event: publishers' clocks may be wrong, and it is the same for every send
}

// Device is one that holds a seat.
type Device struct {
	Name     string // may be empty
	Platform string // of the events: mac, iphone, windows, android or other
}

// Mail is a letter ready to be sent.
type Mail struct {
	From, To  string // bare addresses, of the envelope
	MessageID string
	Locale    string // in which it is written
	Bytes     []byte
}

// check looks at every field before anything is built.
func (l *Letter) check() error {
	if !slices.Contains(Kinds(), l.Kind) {
		return fmt.Errorf("kind: %q is unknown", l.Kind)
	}
	errs := []error{
		checkField("display name", l.Name), checkField("username", l.Username), checkField("cause id", l.CauseID),
	}
	if l.CauseID == "" || strings.ContainsAny(l.CauseID, "<>@ ") {
		errs = append(errs, fmt.Errorf("cause id: %q cannot be part of a Message-Id", l.CauseID))
	}
	for _, device := range l.Devices {
		errs = append(errs, checkField("device name", device.Name))
	}
	return errors.Join(append(errs, prefix("to", checkAddress(l.To)))...)
}

// sanitized is the letter with sanitized names.
func (l Letter) sanitized() Letter {
	l.Name, l.Username = sanitize(l.Name), sanitize(l.Username)
	l.Devices = slices.Clone(l.Devices)
	for i := range l.Devices {
		l.Devices[i].Name = sanitize(l.Devices[i].Name)
	}
	return l
}
