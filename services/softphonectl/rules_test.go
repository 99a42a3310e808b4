package softphonectl

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// A rule that decides otherwise than the one that decided then is found, with
// what differs.
func TestAChangedRuleIsFound(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	c := w.Config("a")
	w.Start(func(ctx context.Context) error { return devicecounter.Run(ctx, c) })
	x := workertest.Extension()
	enabled := events.NewFact(x, events.SoftphoneEnabled{Email: "a@example.com", Username: "a", DisplayName: "A"})
	w.Store(workertest.Outcome(t, events.License, enabled, w.Publish(enabled), events.LicenseGranted{
		LicenseID: enabled.ID, Generation: 1, DeviceLimit: 4, Email: "a@example.com", Username: "a", DisplayName: "A",
	}))
	for _, device := range []string{"mac-1", "mac-2", "mac-3"} {
		w.Decide(events.NewFact(x, events.DeviceSignedIn{DeviceID: device, Platform: events.PlatformMac}))
	}
	w.Decide(events.NewFact(x, events.DeviceRemoved{DeviceID: "mac-1"}))

	same := devicecounter.Rules()
	if found, s := decisionsOf(t, w, folderOf(same)); len(found) != 0 || s.Compared != 4 {
		t.Errorf("with the same rules: %+v, %+v", s, found)
	}
	stricter := same
	stricter.Decide = func(s devicecounter.State, e events.Recorded) (devicecounter.State, devicecounter.Decision) {
		if granted, is := e.Data.(events.LicenseGranted); is {
			granted.DeviceLimit = 2
			e.Data = granted
		}
		return same.Decide(s, e)
	}
	found, _ := decisionsOf(t, w, folderOf(stricter))
	var fields []string
	for _, f := range found {
		if f.Kind != replay.Wrong || f.Key != x.String() {
			t.Errorf("found %+v, want only what is wrong", f)
		}
		for _, d := range f.Fields {
			fields = append(fields, d.Field+":"+d.Should+":"+d.Is)
		}
	}
	for _, want := range []string{"data.limit:2:4", "event:DeviceActivationLimitReached:DeviceActivated"} {
		if !slices.Contains(fields, want) {
			t.Errorf("found %q, want %s", fields, want)
		}
	}
	silent := same
	silent.Decide = func(s devicecounter.State, e events.Recorded) (devicecounter.State, devicecounter.Decision) {
		next, d := same.Decide(s, e)
		if e.EventName() == "DeviceRemoved" {
			d.Outcome = nil
		}
		return next, d
	}
	if found, _ := decisionsOf(t, w, folderOf(silent)); len(found) != 1 || found[0].Kind != replay.Phantom {
		t.Errorf("with a rule that tells less: %+v, want a phantom", found)
	}
	talkative := same
	talkative.Decide = func(s devicecounter.State, e events.Recorded) (devicecounter.State, devicecounter.Decision) {
		next, d := same.Decide(s, e)
		if e.EventName() == "LicenseGranted" {
			d.Outcome = events.DeviceSignInRefused{DeviceID: "x", Reason: "why"}
		}
		return next, d
	}
	if found, _ := decisionsOf(t, w, folderOf(talkative)); len(found) != 1 || found[0].Kind != replay.Missing {
		t.Errorf("with a rule that tells more: %+v, want a missing one", found)
	}
}

func decisionsOf(t *testing.T, w *workertest.World, f folder) (found []replay.Finding, s replay.Summary) {
	t.Helper()
	all := make([]int, events.Partitions)
	for p := range all {
		all[p] = p
	}
	s, err := f.decisions(t.Context(), replay.Check{
		Log: w.Log, Redis: w.State, Partitions: all, Found: func(f replay.Finding) { found = append(found, f) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, s
}

func TestAnonymize(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/key"
	a, err := openAnonymizer(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openAnonymizer(file)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openAnonymizer(t.TempDir() + "/key")
	if err != nil {
		t.Fatal(err)
	}
	x := events.Extension{Tenant: "acme", Number: "1001"}
	for _, data := range []events.Data{
		events.SoftphoneEnabled{Email: "Secret@secret.com", Username: "secret", DisplayName: "Secret", Locale: "de", DeviceLimit: 3},
		events.SoftphoneDisabled{Reason: "secret"},
		events.SoftphoneDisabled{},
		events.ExtensionRenamed{Name: "secret"},
		events.ExtensionDeleted{},
		events.SoftphonePasswordReset{},
		events.SoftphoneEmailChanged{Email: "Secret@secret.com"},
		events.WelcomeEmailRequested{},
		events.DeviceSignedIn{DeviceID: "secret", Platform: "mac", DeviceName: "secret", AppVersion: "1"},
		events.DeviceRemoved{DeviceID: "secret"},
	} {
		hidden := a.data(data)
		body, err := events.NewFact(x, hidden).Encode()
		if err != nil {
			t.Errorf("%T: not an event any more: %v", data, err)
		}
		if strings.Contains(strings.ToLower(string(body)), "secret") {
			t.Errorf("%T: still tells: %s", data, body)
		}
		if hidden != again.data(data) {
			t.Errorf("%T: not the same with the same key", data)
		}
		if hidden == other.data(data) && hidden != data {
			t.Errorf("%T: the same with another key", data)
		}
	}
	signedIn, _ := a.data(events.DeviceSignedIn{DeviceID: "secret", Platform: "mac"}).(events.DeviceSignedIn)
	removed, _ := a.data(events.DeviceRemoved{DeviceID: "secret"}).(events.DeviceRemoved)
	if signedIn.DeviceID != removed.DeviceID {
		t.Error("a device is another when it is removed")
	}
	if len(events.Facts()) != 9 {
		t.Errorf("the contract has %d facts: are all of them anonymized?", len(events.Facts()))
	}
}

// Outcomes tell of nobody either, and of each it is known what is personal in it.
func TestAnonymizeOutcomes(t *testing.T) {
	t.Parallel()
	a, err := openAnonymizer(t.TempDir() + "/key")
	if err != nil {
		t.Fatal(err)
	}
	cause := events.NewFact(events.Extension{Tenant: "acme", Number: "1001"}, events.WelcomeEmailRequested{})
	id, to, mail := cause.ID, "Secret@secret.com", "<1@mail.example>"
	known := map[string]bool{}
	for worker, all := range map[string][]events.Data{
		events.License: {
			events.LicenseGranted{LicenseID: id, Generation: 1, DeviceLimit: 4, Email: to, Username: "secret", DisplayName: "Secret"},
			events.LicenseRevoked{LicenseID: id, Generation: 1, Reason: "secret"},
			events.LicenseEmailChanged{LicenseID: id, Generation: 1, Email: to, PreviousEmail: "Secret@secret.org"},
		},
		events.DeviceCounter: {
			events.DeviceActivated{LicenseID: id, DeviceID: "secret", Platform: "mac", DeviceName: "secret", Used: 1, Limit: 4},
			events.DeviceActivationLimitReached{
				LicenseID: id, DeviceID: "secret", Platform: "mac", DeviceName: "secret", Used: 1, Limit: 1,
				Devices: []events.Seat{{DeviceID: "secret", Platform: "mac", DeviceName: "secret", ActivatedAt: cause.Time}},
			},
			events.DeviceSignInRefused{DeviceID: "secret", Reason: events.ReasonNotLicensed},
			events.DeviceDeactivated{LicenseID: id, DeviceID: "secret", Used: 0, Limit: 4},
		},
		events.Mailer: {
			events.EmailSent{Kind: events.KindWelcome, LicenseID: id, To: to, MessageID: mail, Reason: "queued for secret", SMTPCode: 250},
			events.EmailFailed{Kind: events.KindWelcome, LicenseID: id, To: to, Reason: "no secret here", SMTPCode: 550},
			events.EmailDeferred{
				Kind: events.KindWelcome, LicenseID: id, To: to, MessageID: mail, Reason: "secret is busy", SMTPCode: 450,
				Attempts: 1, NextAttempt: cause.Time,
			},
			events.EmailBounced{To: to, MessageID: mail, Reason: "secret is gone", Action: events.ActionFailed},
			events.EmailSkipped{Kind: events.KindWelcome, To: to, Reason: events.ReasonNotLicensed},
		},
		events.NameSync: {events.SoftphoneRenamed{Name: "secret"}},
	} {
		for _, data := range all {
			known[data.EventName()] = true
			body, err := events.NewOutcome(worker, cause, a.data(data)).Encode()
			if err != nil {
				t.Errorf("%T: not an event any more: %v", data, err)
			}
			if strings.Contains(strings.ToLower(string(body)), "secret") {
				t.Errorf("%T: still tells: %s", data, body)
			}
		}
		for _, name := range events.Outcomes(worker) {
			if !known[name] {
				t.Errorf("what is personal in a %s is not known", name)
			}
		}
	}
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"max": 0, "1x": 1, "60x": 60, "0.5": 0.5} {
		if got, err := parseSpeed(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1x", "fast", "NaN", "Inf", "1e99"} {
		if got, err := parseSpeed(text); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}
