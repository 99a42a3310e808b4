package events

import "time"

// Question is what is asked on ask.<worker>.get: about one extension.
type Question struct {
	Tenant    string `json:"tenant"`
	Extension string `json:"extension"`

	// AsOf is for one who has just looked at the log: the last event of the extension that the worker reads. A worker
	// that has come to it, and no further, answers that as current without looking at the log itself. It may be left out.
	AsOf *Position `json:"asOf,omitempty"`
}

// About is the extension, not validated.
func (q Question) About() Extension { return Extension{Tenant: q.Tenant, Number: q.Extension} }

// Position is a place in a log. The time when the log was created tells it from one that was created anew.
type Position struct {
	Log      time.Time `json:"log"`
	Sequence uint64    `json:"sequence"`
}

// DevicesAnswer is the answer of ask.device-counter.get. Of an extension never seen, used and limit are 0.
type DevicesAnswer struct {
	Current   bool   `json:"current"` // whether everything in the log is in this answer, or what AsOf names
	LicenseID string `json:"licenseId,omitempty"`
	Used      int    `json:"used"`
	Limit     int    `json:"limit"`
	Devices   []Seat `json:"devices"`
}

// Holds tells whether a device has one of the seats.
func (a DevicesAnswer) Holds(deviceID string) bool {
	for _, seat := range a.Devices {
		if seat.DeviceID == deviceID {
			return true
		}
	}
	return false
}

// LicenseAnswer is the answer of ask.license.get: the license in force, or the last one.
type LicenseAnswer struct {
	Current     bool       `json:"current"` // whether everything in the log is in this answer
	Active      bool       `json:"active"`  // whether it is in force
	LicenseID   string     `json:"licenseId,omitempty"`
	Generation  int        `json:"generation"`
	DeviceLimit int        `json:"deviceLimit"`
	Email       string     `json:"email,omitempty"`
	Username    string     `json:"username,omitempty"`
	DisplayName string     `json:"displayName,omitempty"`
	GrantedAt   *time.Time `json:"grantedAt,omitempty"`
}

// EmailsAnswer is the answer of ask.mailer.get: the last e-mails, the newest first.
type EmailsAnswer struct {
	Current bool    `json:"current"` // whether everything in the log is in this answer
	Emails  []Email `json:"emails"`
}

// Email is what became of one e-mail.
type Email struct {
	Kind         string     `json:"kind"`
	State        string     `json:"state"` // queued, retrying, sent, failed, skipped, bounced or dead, see asyncapi.yaml
	To           string     `json:"to,omitempty"`
	MessageID    string     `json:"messageId,omitempty"`
	Since        time.Time  `json:"since"` // when it was asked for
	At           time.Time  `json:"at"`    // when it came to its state
	Reason       string     `json:"reason,omitempty"`
	SMTPCode     int        `json:"smtpCode,omitempty"`
	EnhancedCode string     `json:"enhancedCode,omitempty"`
	QueueID      string     `json:"queueId,omitempty"` // what the mail server calls it
	Advice       string     `json:"advice,omitempty"`  // what to do
	Attempts     int        `json:"attempts,omitempty"`
	NextAttempt  *time.Time `json:"nextAttempt,omitempty"`

	// CorrectAddress says that the advice is about the address, and that it is in force still.
	CorrectAddress bool `json:"correctAddress,omitempty"`
}

// NameAnswer is the answer of ask.name-sync.get.
type NameAnswer struct {
	Current  bool   `json:"current"` // whether everything in the log is in this answer
	Name     string `json:"name"`
	Sequence uint64 `json:"sequence"` // of the event that named it; 0: it has no name
}
