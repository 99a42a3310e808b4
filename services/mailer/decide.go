package mailer

import (
	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// Why an e-mail is skipped: the reason of EmailSkipped.
const (
	ReasonNotLicensed = events.ReasonNotLicensed // no license is in force
	ReasonNotCurrent  = "license_not_current"    // revoked meanwhile, or another was granted
)

// license is what the log says now of an extension's license.
type license struct {
	events.LicenseGranted
	active bool
}

// plan is what follows from an event: a mail to the licensee, or a reason for none.
type plan struct {
	kind    letter.Kind
	license events.LicenseGranted // whose; the zero value when there is none
	skip    string                // why not; "" means send
}

// decide says what an event asks for, given what holds now. It is pure.
func decide(cause events.Data, now license) plan {
	switch data := cause.(type) {
	case events.LicenseGranted:
		if !now.active || now.LicenseID != data.LicenseID {
			return plan{kind: letter.Welcome, license: data, skip: ReasonNotCurrent}
		}
		return plan{kind: letter.Welcome, license: data}
	case events.SoftphonePasswordReset:
		return now.plan(letter.PasswordChanged)
	default: // WelcomeEmailRequested
		return now.plan(letter.Welcome)
	}
}

func (l license) plan(kind letter.Kind) plan {
	if !l.active {
		return plan{kind: kind, license: l.LicenseGranted, skip: ReasonNotLicensed}
	}
	return plan{kind: kind, license: l.LicenseGranted}
}

// kindOf is the mail an event asks for.
func kindOf(cause events.Data) letter.Kind {
	if _, reset := cause.(events.SoftphonePasswordReset); reset {
		return letter.PasswordChanged
	}
	return letter.Welcome
}
