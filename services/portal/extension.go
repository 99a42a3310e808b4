package portal

import (
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

// Summary is one line of a tenant's list.
type Summary struct {
	Extension events.Extension
	Name      string
	Email     string // of the last license; "" when there never was one
	Username  string
	Enabled   bool
	Used      int    // seats
	Limit     int    //
	Welcome   *Email // the last e-mail, nil when there is none
}

// Details is everything the extension page shows.
type Details struct {
	Extension events.Extension
	Version   uint64 // of its facts: what a change must name, see [Conflict]
	Name      string
	Email     string // of the license in force, or of the last one, to suggest it
	Username  string // what the person signs in with, also before the softphone is enabled
	Enabled   bool   // a license is in force, or will be as soon as the license worker comes to it
	Granted   bool   // the license is in force: a sign-in works
	LicenseID string
	Used      int
	Limit     int
	Devices   []Device // who holds the seats, in the order they were taken
	Welcome   *Email   // the last welcome e-mail, nil when there is none

	// NoPassword says that the license has none here: it was granted too late for whoever
	// enabled it to be shown one, or by a PBX core that keeps its own.
	NoPassword bool

	// What could not be learned just now, because a worker is away or behind: it is
	// unknown, not empty.
	SeatsUnknown, WelcomeUnknown bool
}

// Device holds a seat.
type Device struct {
	ID       string
	Platform string // one of events.Platform…
	Name     string // may be empty
	Since    time.Time
}

// Email is what became of an e-mail. In a list it is what the log says; of one
// extension it is what the mailer says, and only then Since, the codes, Advice, Attempts
// and Next are known.
type Email struct {
	Kind         string // events.KindWelcome or another
	State        string // one of the Mail constants
	To           string
	Since        time.Time // when it was asked for
	At           time.Time // of the state
	Reason       string    // why it is not sent
	SMTPCode     int       // the mail server's, 0 when it gave none
	EnhancedCode string    // RFC 3463, for example 5.1.1
	Advice       string    // what to do
	Attempts     int       // so far, when retrying
	Next         *time.Time

	CorrectAddress bool // the advice is to correct the address
}

// States of an e-mail, as the mailer says them too.
const (
	MailQueued   = "queued"   // not tried yet; with a reason when the mail server is away
	MailRetrying = "retrying" // tried in vain, and will be again
	MailSent     = "sent"     // the mail server has it; with a reason when it is late further on
	MailFailed   = "failed"   // it will not be sent
	MailSkipped  = "skipped"  // there was no reason to send it any more
	MailBounced  = "bounced"  // sent, and a server further on could not deliver it
	MailDead     = "dead"     // could not even be tried
)

// Enabled is the answer to Enable: the only place a generated password is ever in.
type Enabled struct {
	Username  string
	Password  process.Secret // also when the caller chose it
	LicenseID string
	Limit     int
	Version   uint64
}

// Reset is the answer to ResetPassword.
type Reset struct {
	Username string
	Password process.Secret // also when the caller chose it
	Version  uint64
}

// SignIn is what a softphone presents.
type SignIn struct {
	Username   string
	Password   process.Secret
	Device     Device // ID, Platform and Name
	AppVersion string
	Address    string // of the client, without port; "" is not counted
	Shared     bool   // the address may be a proxy's, and so that of many
}

// SignedIn is the answer to a sign-in that was let in.
type SignedIn struct {
	Token process.Secret // opaque; ends with the license, the device's seat, or SignOut
	Profile
}

// Profile is what a signed-in softphone shows.
type Profile struct {
	Extension   events.Extension
	DisplayName string
	Username    string
	DeviceID    string
	Used        int
	Limit       int
}

// Change says that something about an extension may look different now.
type Change struct {
	Sequence uint64 // look again: the log has at least this much
}

// Any is the version of a caller who did not look first: the change applies to
// whatever the extension is now.
const Any uint64 = 0
