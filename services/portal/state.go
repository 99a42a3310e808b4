package portal

import (
	"fmt"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// row is what is kept of an extension: for its tenant's list, and for its devices, which sign
// in by it (standing.go). The zero row is an extension that is not there.
type row struct {
	Exists    bool
	Name      string
	Email     string // of the license in force, or the last one
	Username  string
	Enabled   bool
	LicenseID string // in force; "" when none is
	Used      int
	Limit     int
	ClosedAt  uint64 // sequence of the last SoftphoneDisabled or ExtensionDeleted
	Granted   uint64 // sequence of the last license, in force or not
	Counted   uint64 // sequence of the last event that the device counter reads
	Reset     reset  // of the password, after the SoftphoneEnabled of the license
	Mail      mail
}

// reset is a SoftphonePasswordReset; the zero reset is none.
type reset struct {
	ID string
	At uint64 // its sequence
}

// credential is the id of the fact whose credential is in force; "" when none is.
func (s row) credential() string {
	if s.LicenseID != "" && s.Reset.ID != "" {
		return s.Reset.ID
	}
	return s.LicenseID
}

// mail is the last welcome e-mail; the zero mail is none.
type mail struct {
	State  string
	To     string
	Reason string
	Cause  uint64 // sequence of what it was sent for
	At     time.Time
}

func (s row) summary(x events.Extension) Summary {
	sum := Summary{
		Extension: x, Name: s.Name, Email: s.Email, Username: s.Username, Enabled: s.Enabled, Used: s.Used, Limit: s.Limit,
	}
	if s.Mail.State != "" {
		sum.Welcome = &Email{
			Kind: events.KindWelcome, State: s.Mail.State, To: s.Mail.To, At: s.Mail.At, Reason: s.Mail.Reason,
		}
	}
	return sum
}

// Fields of a row in Redis; one that would be empty, 0 or false is absent.
const (
	fieldExists   = "exists" // "1"
	fieldName     = "name"
	fieldEmail    = "email"
	fieldUsername = "username"
	fieldEnabled  = "enabled" // "1"
	fieldLicense  = "license"
	fieldUsed     = "used"
	fieldLimit    = "limit"
	fieldClosedAt = "closed"
	fieldGranted  = "granted"
	fieldCounted  = "counted"
	fieldReset    = "reset"    // its id
	fieldResetAt  = "reset-at" // the sequence
	fieldMail     = "mail"     // its state
	fieldMailTo   = "mail-to"
	fieldMailWhy  = "mail-why"
	fieldMailOf   = "mail-of" // the sequence
	fieldMailAt   = "mail-at" // Unix milliseconds
)

func save(s row) fold.Fields {
	var fields fold.Fields
	text := func(name, value string) {
		if value != "" {
			fields = append(fields, name, value)
		}
	}
	number := func(name string, n int64) {
		if n != 0 {
			text(name, strconv.FormatInt(n, 10))
		}
	}
	flag := func(name string, set bool) {
		if set {
			text(name, "1")
		}
	}
	flag(fieldExists, s.Exists)
	text(fieldName, s.Name)
	text(fieldEmail, s.Email)
	text(fieldUsername, s.Username)
	flag(fieldEnabled, s.Enabled)
	text(fieldLicense, s.LicenseID)
	number(fieldUsed, int64(s.Used))
	number(fieldLimit, int64(s.Limit))
	number(fieldClosedAt, int64(s.ClosedAt))
	number(fieldGranted, int64(s.Granted))
	number(fieldCounted, int64(s.Counted))
	text(fieldReset, s.Reset.ID)
	number(fieldResetAt, int64(s.Reset.At))
	if s.Mail.State != "" {
		text(fieldMail, s.Mail.State)
		text(fieldMailTo, s.Mail.To)
		text(fieldMailWhy, s.Mail.Reason)
		number(fieldMailOf, int64(s.Mail.Cause))
		number(fieldMailAt, s.Mail.At.UnixMilli())
	}
	return fields
}

func load(fields map[string]string) (s row, err error) {
	number := func(name string) int64 {
		text, there := fields[name]
		if !there || err != nil {
			return 0
		}
		n, bad := strconv.ParseInt(text, 10, 64)
		if bad != nil || n < 0 {
			err = fmt.Errorf("field %s: %q is not a number", name, text)
		}
		return n
	}
	s = row{
		Exists:    fields[fieldExists] == "1",
		Name:      fields[fieldName],
		Email:     fields[fieldEmail],
		Username:  fields[fieldUsername],
		Enabled:   fields[fieldEnabled] == "1",
		LicenseID: fields[fieldLicense],
		Used:      int(number(fieldUsed)),
		Limit:     int(number(fieldLimit)),
		ClosedAt:  uint64(number(fieldClosedAt)),
		Granted:   uint64(number(fieldGranted)),
		Counted:   uint64(number(fieldCounted)),
		Reset:     reset{ID: fields[fieldReset], At: uint64(number(fieldResetAt))},
	}
	if fields[fieldMail] != "" {
		s.Mail = mail{
			State: fields[fieldMail], To: fields[fieldMailTo], Reason: fields[fieldMailWhy],
			Cause: uint64(number(fieldMailOf)), At: time.UnixMilli(number(fieldMailAt)).UTC(),
		}
	}
	return s, err
}
