package softphonectl

import (
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	const id = "01928c7e-0a3b-7c4d-8e5f-60718293a4b5"
	seats := []events.Seat{{DeviceID: "a", Platform: "mac", ActivatedAt: time.Now()}, {DeviceID: "b", Platform: "other", ActivatedAt: time.Now()}}
	for _, c := range []struct {
		data events.Data
		want string
	}{
		{events.LicenseGranted{LicenseID: id, Generation: 2, DeviceLimit: 4, Email: "a@b.c", Username: "ann", DisplayName: "Ann"},
			"LicenseGranted: license " + id + " for ann, up to 4 devices"},
		{events.LicenseRevoked{LicenseID: id, Generation: 2, Reason: "left"}, "LicenseRevoked: license " + id + " (left)"},
		{events.LicenseRevoked{LicenseID: id, Generation: 2}, "LicenseRevoked: license " + id},
		{events.LicenseEmailChanged{LicenseID: id, Generation: 2, Email: "ann@b.c", PreviousEmail: "a@b.c"},
			"LicenseEmailChanged: license " + id + " for <ann@b.c>, no longer <a@b.c>"},
		{events.DeviceActivationLimitReached{LicenseID: id, DeviceID: "c", Platform: "mac", Used: 2, Limit: 2, Devices: seats},
			"DeviceActivationLimitReached: c is refused, 2 of 2 devices are signed in: a, b"},
		{events.DeviceSignInRefused{DeviceID: "c", Reason: events.ReasonNotLicensed}, "DeviceSignInRefused: c is refused (not_licensed)"},
		{events.DeviceDeactivated{LicenseID: id, DeviceID: "c", Used: 1, Limit: 2}, "DeviceDeactivated: c is removed, 1 of 2 devices"},
		{events.SoftphoneRenamed{Name: "Ann Lee"}, `SoftphoneRenamed: shown as "Ann Lee"`},
	} {
		cause := events.NewFact(events.Extension{Tenant: "acme", Number: "1001"}, events.ExtensionDeleted{})
		data, err := events.NewOutcome(events.SourcesOf(c.data.EventName())[0], cause, c.data).EncodeData()
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(events.Decision{Outcome: c.data.EventName(), Data: data}); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	for _, c := range []struct {
		decision events.Decision
		want     string
	}{
		{events.Decision{Outcome: events.Invalid, Reason: "data.name: is required"}, "Invalid: data.name: is required"},
		{events.Decision{Outcome: events.DeviceRecognized}, "DeviceRecognized: this device is already signed in"},
		{events.Decision{Outcome: events.AlreadyEnabled}, "AlreadyEnabled: a license is already in force"},
		{events.Decision{Outcome: events.NothingToDo}, "NothingToDo: nothing changed"},
		{events.Decision{Outcome: "OfTheFuture", Data: []byte(`{"a":1}`)}, `OfTheFuture {"a":1}`},
	} {
		if got := describe(c.decision); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
