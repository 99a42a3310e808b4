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
)

// day is how long one notice of the device limit lasts.
const day = 24 * time.Hour

// license is what the log says now of an extension's license.
type license struct {
	events.LicenseGranted
	active bool
	after  bool   // granted after the event at hand
	grant  uint64 // its sequence; 0: there never was one
}

// plan is what follows from an event: a mail to the licensee, the reason for none, or
// nothing, when the event asks for no mail.
type plan struct {
	kind    letter.Kind
	license events.LicenseGranted // the zero value when there is none
	devices []letter.Device       // who holds the seats; of a notice of the device limit
	skip    string                // why not; "" means send
	nothing bool                  // and nothing is published
}

// decide says what an event asks for, given what holds now and the record of the
// extension's mails. It is pure.
//
// Of the events of the device limit, one asks for a mail each day. The others ask for
// nothing, and nothing is published about them: somebody who tries passwords all night
// must not fill the log with mails that were not sent. If an attempt was published, the
// mail has an end like any other.
func decide(cause events.Data, now license, before record) plan {
	p := now.plan(kindOf(cause))
	switch data := cause.(type) {
	case events.LicenseGranted:
		p = plan{kind: letter.Welcome, license: data}
		if !now.active || now.LicenseID != data.LicenseID {
			p.skip = ReasonNotCurrent
		}
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
	default: // LicenseGranted, WelcomeEmailRequested
		return letter.Welcome
	}
}
