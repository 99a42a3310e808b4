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
	second := events.LicenseGranted{LicenseID: "second", Generation: 2, Email: "new@example.com"}
	for name, c := range map[string]struct {
		cause events.Data
		now   license
		want  plan
	}{
		"granted, current":       {second, license{second, true}, plan{letter.Welcome, second, ""}},
		"granted, revoked since": {second, license{second, false}, plan{letter.Welcome, second, ReasonNotCurrent}},
		"granted, replaced":      {first, license{second, true}, plan{letter.Welcome, first, ReasonNotCurrent}},
		"granted, nothing known": {first, license{}, plan{letter.Welcome, first, ReasonNotCurrent}},
		"requested, active":      {events.WelcomeEmailRequested{}, license{second, true}, plan{letter.Welcome, second, ""}},
		"requested, revoked":     {events.WelcomeEmailRequested{}, license{second, false}, plan{letter.Welcome, second, ReasonNotLicensed}},
		"requested, never":       {events.WelcomeEmailRequested{}, license{}, plan{letter.Welcome, events.LicenseGranted{}, ReasonNotLicensed}},
		"reset, active":          {events.SoftphonePasswordReset{}, license{second, true}, plan{letter.PasswordChanged, second, ""}},
		"reset, revoked":         {events.SoftphonePasswordReset{}, license{second, false}, plan{letter.PasswordChanged, second, ReasonNotLicensed}},
		"reset, never":           {events.SoftphonePasswordReset{}, license{}, plan{letter.PasswordChanged, events.LicenseGranted{}, ReasonNotLicensed}},
	} {
		if diff := cmp.Diff(c.want, decide(c.cause, c.now), cmp.AllowUnexported(plan{})); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if kind := kindOf(c.cause); kind != c.want.kind {
			t.Errorf("%s: kind %s", name, kind)
		}
	}
}
