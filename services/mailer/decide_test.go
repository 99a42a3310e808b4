package mailer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	first := events.LicenseGranted{LicenseID: "first", Generation: 1, Email: "old@example.com"}
	second := events.LicenseGranted{LicenseID: "second", Generation: 2, Email: "New@example.com"}
	reached := events.DeviceActivationLimitReached{LicenseID: "second", Devices: []events.Seat{{DeviceID: "mac-01", Platform: "mac", DeviceName: "My Mac"}}}
	seats := []letter.Device{{Name: "My Mac", Platform: "mac"}}
	fresh, gone, noticed := record{}, record{failed: map[string]bool{"new@example.com": true}}, record{noticed: true}
	tried := record{deferred: 1}
	active, revoked := license{LicenseGranted: second, active: true}, license{LicenseGranted: second}
	after := license{LicenseGranted: second, active: true, after: true}
	for name, c := range map[string]struct {
		cause  events.Data
		now    license
		before record
		want   plan
	}{
		"granted, current":         {second, active, fresh, plan{kind: letter.Welcome, license: second}},
		"granted, revoked since":   {second, revoked, fresh, plan{kind: letter.Welcome, license: second, skip: ReasonNotCurrent}},
		"granted, replaced":        {first, active, fresh, plan{kind: letter.Welcome, license: first, skip: ReasonNotCurrent}},
		"granted, nothing known":   {first, license{}, fresh, plan{kind: letter.Welcome, license: first, skip: ReasonNotCurrent}},
		"requested, active":        {events.WelcomeEmailRequested{}, active, fresh, plan{kind: letter.Welcome, license: second}},
		"requested, revoked":       {events.WelcomeEmailRequested{}, revoked, fresh, plan{kind: letter.Welcome, license: second, skip: ReasonNotLicensed}},
		"requested, never":         {events.WelcomeEmailRequested{}, license{}, fresh, plan{kind: letter.Welcome, skip: ReasonNotLicensed}},
		"reset, active":            {events.SoftphonePasswordReset{}, active, fresh, plan{kind: letter.PasswordChanged, license: second}},
		"reset, revoked":           {events.SoftphonePasswordReset{}, revoked, fresh, plan{kind: letter.PasswordChanged, license: second, skip: ReasonNotLicensed}},
		"reset, granted since":     {events.SoftphonePasswordReset{}, after, fresh, plan{kind: letter.PasswordChanged, license: second, skip: ReasonNotCurrent}},
		"requested, granted since": {events.WelcomeEmailRequested{}, after, fresh, plan{kind: letter.Welcome, license: second}},
		"reset, never":             {events.SoftphonePasswordReset{}, license{}, fresh, plan{kind: letter.PasswordChanged, skip: ReasonNotLicensed}},

		"granted, recipient failed":   {second, active, gone, plan{kind: letter.Welcome, license: second, skip: ReasonRecipientFailed}},
		"granted, another failed":     {first, license{LicenseGranted: first, active: true}, gone, plan{kind: letter.Welcome, license: first}},
		"reset, recipient failed":     {events.SoftphonePasswordReset{}, active, gone, plan{kind: letter.PasswordChanged, license: second, skip: ReasonRecipientFailed}},
		"requested, recipient failed": {events.WelcomeEmailRequested{}, active, gone, plan{kind: letter.Welcome, license: second}},

		"limit reached":                   {reached, active, fresh, plan{kind: letter.DeviceLimitReached, license: second, devices: seats}},
		"limit reached, noticed":          {reached, active, noticed, plan{kind: letter.DeviceLimitReached, license: second, devices: seats, nothing: true}},
		"limit reached, recipient failed": {reached, active, gone, plan{kind: letter.DeviceLimitReached, license: second, devices: seats, skip: ReasonRecipientFailed}},
		"limit reached, revoked": {
			reached, revoked, fresh,
			plan{kind: letter.DeviceLimitReached, license: second, devices: seats, skip: ReasonNotLicensed, nothing: true},
		},
		"limit reached and tried, revoked": {reached, revoked, tried, plan{kind: letter.DeviceLimitReached, license: second, devices: seats, skip: ReasonNotLicensed}},
		"limit reached and tried, replaced": {
			reached, license{LicenseGranted: first, active: true}, tried,
			plan{kind: letter.DeviceLimitReached, license: first, devices: seats, skip: ReasonNotCurrent},
		},
		"limit reached and tried, noticed": {
			reached, active, record{noticed: true, deferred: 1},
			plan{kind: letter.DeviceLimitReached, license: second, devices: seats},
		},
		"limit reached, replaced": {
			reached, license{LicenseGranted: first, active: true}, fresh,
			plan{kind: letter.DeviceLimitReached, license: first, devices: seats, skip: ReasonNotCurrent, nothing: true},
		},
	} {
		if diff := cmp.Diff(c.want, decide(c.cause, c.now, c.before), cmp.AllowUnexported(plan{})); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if kind := kindOf(c.cause); kind != c.want.kind {
			t.Errorf("%s: kind %s", name, kind)
		}
	}
}
