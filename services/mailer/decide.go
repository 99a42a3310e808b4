package mailer

import (
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// Why an e-mail is skipped: the reason of EmailSkipped.
const (
	ReasonNotLicensed     = events.ReasonNotLicensed // no license is in force
	ReasonNotCurrent      = "license_not_current"    // revoked meanwhile, or another was granted
	ReasonRecipientFailed = "recipient_failed"       // mail to this address failed for good
	ReasonNotSent         = "kind_not_sent"          // the tenant's brand does not send this kind of mail
	ReasonEmailChanged    = "email_changed"          // the address was changed meanwhile: another mail goes to the one in force
	ReasonNotReached      = "recipient_not_reached"  // of the notice to an address until then: no mail ever reached it
)

// day is how long one notice of the device limit lasts.
const day = 24 * time.Hour

// license is what the log says now of an extension's license.
type license struct {
	events.LicenseGranted // with the address that is in force
	active                bool
	after                 bool   // granted after the event at hand
	readdressed           bool   // its address was changed after the event at hand
	grant                 uint64 // its sequence; 0: there never was one
	address               uint64 // sequence of the extension's last LicenseEmailChanged; 0: there never was one
}

// formerAddress is the SoftphoneEmailChanged that a LicenseEmailChanged follows from, as
// the address until then is told of it. So each of the two events asks for one mail: the
// license's for the welcome to the new address, the fact for the notice to the old one.
// Only the license worker knows whether the fact changed anything, and which address was
// before.
type formerAddress struct{ events.LicenseEmailChanged }

// plan is what follows from an event: a mail to the licensee, the reason for none, or
// nothing, when the event asks for no mail.
type plan struct {
	kind    letter.Kind
	license events.LicenseGranted // the zero value when there is none
	devices []letter.Device       // who holds the seats; of a notice of the device limit
	skip    string                // why not; "" means send
	wait    bool                  // not yet: an earlier mail decides whether there is one
	nothing bool                  // and nothing is published
}

// decide says what an event asks for, given what holds now and the record of the
// extension's mails. It is pure.
//
// Of the events of the device limit, one asks for a mail each day. The others ask for
// nothing, and nothing is published about them: somebody who tries passwords all night
// must not fill the log with mails that were not sent. If an attempt was published, the
// mail has an end like any other.
//
// Where the address is changed, what waits for the old one and would go to the new one
// twice is skipped: the change has a welcome of its own. A notice goes to the address in
// force. The old address is told of the change when a mail has reached it and none failed
// for good since: else nobody is there, or somebody who never heard of the softphone and
// need not. A first mail that is under way to it is waited for.
func decide(cause events.Data, now license, before record) plan {
	p := now.plan(kindOf(cause))
	switch data := cause.(type) {
	case events.LicenseGranted:
		p = plan{kind: letter.Welcome, license: data}
		p.skip = now.welcomes(data.LicenseID)
	case events.LicenseEmailChanged:
		p.license.LicenseID, p.license.Email = data.LicenseID, data.Email
		p.skip = now.welcomes(data.LicenseID)
	case formerAddress:
		p.license.LicenseID, p.license.Email = data.LicenseID, data.PreviousEmail
		p.skip = now.tellsFormer(data, before)
		p.wait = p.skip == ReasonNotReached && !before.followed
		return p
	case events.SoftphonePasswordReset:
		if p.skip == "" && now.after { // the welcome of the license is the mail about that
			p.skip = ReasonNotCurrent
		}
	case events.DeviceActivationLimitReached:
		if now.active && now.LicenseID != data.LicenseID {
			p.skip = ReasonNotCurrent
		}
		p.nothing = (p.skip != "" || before.noticed) && before.deferred == 0
		p.devices = seats(data.Devices)
	case events.WelcomeEmailRequested: // somebody says so: the address may be right by now
		if p.skip == "" && now.readdressed {
			p.skip = ReasonEmailChanged
		}
		return p
	}
	if p.skip == "" && before.failed[strings.ToLower(p.license.Email)] {
		p.skip = ReasonRecipientFailed
	}
	return p
}

func (l license) plan(kind letter.Kind) plan {
	p := plan{kind: kind, license: l.LicenseGranted}
	if !l.active {
		p.skip = ReasonNotLicensed
	}
	return p
}

// welcomes says why an event of a license asks for no welcome any more.
func (l license) welcomes(licenseID string) string {
	switch {
	case !l.active || l.LicenseID != licenseID:
		return ReasonNotCurrent
	case l.readdressed:
		return ReasonEmailChanged
	}
	return ""
}

// tellsFormer says why an address is not told that it is no longer the license's. When
// it is again, it was told nothing wrong before.
func (l license) tellsFormer(changed formerAddress, before record) string {
	former := strings.ToLower(changed.PreviousEmail)
	switch {
	case !l.active || l.LicenseID != changed.LicenseID:
		return ReasonNotCurrent
	case strings.ToLower(l.Email) == former:
		return ReasonEmailChanged
	case before.failed[former]:
		return ReasonRecipientFailed
	case !before.reached[former]:
		return ReasonNotReached
	}
	return ""
}

func seats(held []events.Seat) []letter.Device {
	devices := make([]letter.Device, len(held))
	for i, seat := range held {
		devices[i] = letter.Device{Name: seat.DeviceName, Platform: seat.Platform}
	}
	return devices
}

// kindOf is the mail an event asks for.
func kindOf(cause events.Data) letter.Kind {
	switch cause.(type) {
	case events.SoftphonePasswordReset:
		return letter.PasswordChanged
	case events.DeviceActivationLimitReached:
		return letter.DeviceLimitReached
	case formerAddress:
		return letter.EmailChanged
	default: // LicenseGranted, LicenseEmailChanged, WelcomeEmailRequested
		return letter.Welcome
	}
}
