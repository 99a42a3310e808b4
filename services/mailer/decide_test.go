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
	third := second
	third.Email = "Third@example.com"
	here, moved := license{LicenseGranted: third, active: true}, license{LicenseGranted: third, active: true, readdressed: true}
	changed := events.LicenseEmailChanged{LicenseID: "second", Generation: 2, Email: third.Email, PreviousEmail: second.Email}
	former, heard := formerAddress{changed}, record{reached: map[string]bool{"new@example.com": true}}
	fourth := license{LicenseGranted: second, active: true, readdressed: true}
	fourth.Email = "fourth@example.com"
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

		"granted, address changed since":   {second, moved, fresh, plan{kind: letter.Welcome, license: second, skip: ReasonEmailChanged}},
		"requested, address changed since": {events.WelcomeEmailRequested{}, moved, fresh, plan{kind: letter.Welcome, license: third, skip: ReasonEmailChanged}},
		"reset, address changed since":     {events.SoftphonePasswordReset{}, moved, gone, plan{kind: letter.PasswordChanged, license: third}},
		"changed":                          {changed, here, gone, plan{kind: letter.Welcome, license: third}},
		"changed, to one that failed":      {changed, here, record{failed: map[string]bool{"third@example.com": true}}, plan{kind: letter.Welcome, license: third, skip: ReasonRecipientFailed}},
		"changed, and again since":         {changed, moved, fresh, plan{kind: letter.Welcome, license: third, skip: ReasonEmailChanged}},
		"changed, revoked since":           {changed, revoked, fresh, plan{kind: letter.Welcome, license: third, skip: ReasonNotCurrent}},
		"changed, nothing known":           {changed, license{}, fresh, plan{kind: letter.Welcome, license: events.LicenseGranted{LicenseID: "second", Email: third.Email}, skip: ReasonNotCurrent}},

		"former, reached":             {former, here, heard, plan{kind: letter.EmailChanged, license: second}},
		"former, reached, then gone":  {former, here, record{reached: heard.reached, failed: gone.failed}, plan{kind: letter.EmailChanged, license: second, skip: ReasonRecipientFailed}},
		"former, never reached":       {former, here, record{followed: true}, plan{kind: letter.EmailChanged, license: second, skip: ReasonNotReached}},
		"former, a mail is under way": {former, here, fresh, plan{kind: letter.EmailChanged, license: second, skip: ReasonNotReached, wait: true}},
		"former, in force again":      {former, active, heard, plan{kind: letter.EmailChanged, license: second, skip: ReasonEmailChanged}},
		"former, changed once more":   {former, fourth, heard, plan{kind: letter.EmailChanged, license: second}},
		"former, revoked since":       {former, revoked, heard, plan{kind: letter.EmailChanged, license: second, skip: ReasonNotCurrent}},

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
