package events

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden messages anew")

// examples is one event of every kind; testdata holds the message of each, which the documentation shows.
func examples() []Event {
	const enabled = "019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d18"
	at := time.Date(2026, 3, 9, 8, 15, 0, 250e6, time.UTC)
	acme := Extension{Tenant: "acme", Number: "1001"}
	fact := func(id string, d Data) Event { return Event{ID: id, Source: PBX, Time: at, Extension: acme, Data: d} }
	cause := fact(enabled, SoftphoneEnabled{
		Email: "anna@example.com", Username: "acme-1001", DisplayName: "Anna Müller", Locale: "de-AT", DeviceLimit: 4,
	})
	signIn := fact("019ccf20-93e1-7a55-8b1c-0d9e8f7a6b5c", DeviceSignedIn{
		DeviceID: "iphone-6E7D3C52", Platform: PlatformIPhone, DeviceName: "Anna's iPhone", AppVersion: "8.4.1",
	})
	removed := fact("019ccf21-10aa-7b01-bc2d-3e4f50617283", DeviceRemoved{DeviceID: "iphone-6E7D3C52"})
	renamed := fact("019ccf22-2f00-7f3e-a0b1-c2d3e4f50617", ExtensionRenamed{Name: "Anna Berger"})
	disabled := fact("019ccf23-7be4-7d2c-9f10-112233445566", SoftphoneDisabled{Reason: "left the company"})
	return []Event{
		cause, disabled, renamed,
		fact("019ccf24-0101-7aaa-8bbb-0123456789ab", ExtensionDeleted{}),
		fact("019ccf25-0202-7aaa-8bbb-0123456789ab", SoftphonePasswordReset{}),
		fact("019ccf28-0505-7aaa-8bbb-0123456789ab", SoftphoneEmailChanged{Email: "anna.berger@example.com"}),
		signIn, removed,
		fact("019ccf26-0303-7aaa-8bbb-0123456789ab", WelcomeEmailRequested{}),
		NewOutcome(License, cause, LicenseGranted{
			LicenseID: enabled, Generation: 1, DeviceLimit: 4, Email: "anna@example.com", Username: "acme-1001",
			DisplayName: "Anna Müller", Locale: "de-AT",
		}),
		NewOutcome(License, disabled, LicenseRevoked{LicenseID: enabled, Generation: 1, Reason: "left the company"}),
		NewOutcome(License, fact("019ccf28-0505-7aaa-8bbb-0123456789ab", SoftphoneEmailChanged{}), LicenseEmailChanged{
			LicenseID: enabled, Generation: 1, Email: "anna.berger@example.com", PreviousEmail: "anna@example.com",
		}),
		NewOutcome(DeviceCounter, signIn, DeviceActivated{
			LicenseID: enabled, DeviceID: "iphone-6E7D3C52", Platform: PlatformIPhone, DeviceName: "Anna's iPhone",
			Used: 1, Limit: 4,
		}),
		NewOutcome(DeviceCounter, signIn, DeviceActivationLimitReached{
			LicenseID: enabled, DeviceID: "iphone-6E7D3C52", Platform: PlatformIPhone, DeviceName: "Anna's iPhone",
			Used: 2, Limit: 2, Devices: []Seat{
				{DeviceID: "mac-01", Platform: PlatformMac, DeviceName: `Anna's 14" "Pro"`, ActivatedAt: at},
				{DeviceID: "win-02", Platform: PlatformWindows, ActivatedAt: at.Add(time.Hour)},
			},
		}),
		NewOutcome(DeviceCounter, signIn, DeviceSignInRefused{DeviceID: "iphone-6E7D3C52", Reason: ReasonNotLicensed}),
		NewOutcome(DeviceCounter, removed, DeviceDeactivated{
			LicenseID: enabled, DeviceID: "iphone-6E7D3C52", Used: 0, Limit: 4,
		}),
		NewOutcome(Mailer, cause, EmailSent{
			Kind: KindWelcome, LicenseID: enabled, To: "anna@example.com",
			MessageID: "<7f8c2b1e-4d5a-5c6b-8e9f-0a1b2c3d4e5f@softphone.example.com>",
			Reason:    "2.0.0 Ok: queued as 4Yz1Xc2Vb3", SMTPCode: 250, QueueID: "4Yz1Xc2Vb3",
		}),
		NewOutcome(Mailer, cause, EmailFailed{
			Kind: KindWelcome, LicenseID: enabled, To: "anna@example.com",
			MessageID: "<7f8c2b1e-4d5a-5c6b-8e9f-0a1b2c3d4e5f@softphone.example.com>",
			Reason:    "the mail server does not know this mailbox", SMTPCode: 550, EnhancedCode: "5.1.1",
		}),
		NewOutcome(Mailer, cause, EmailSkipped{
			Kind: KindWelcome, LicenseID: enabled, To: "anna@example.com", Reason: "the license is no longer in force",
		}),
		NewStep(Mailer, cause, "deferred/2", EmailDeferred{
			Kind: KindWelcome, LicenseID: enabled, To: "anna@example.com",
			MessageID: "<7f8c2b1e-4d5a-5c6b-8e9f-0a1b2c3d4e5f@softphone.example.com>",
			Reason:    "RCPT: 450 4.2.2 mailbox full", SMTPCode: 450, EnhancedCode: "4.2.2", Attempts: 2, NextAttempt: at.Add(time.Minute),
		}),
		NewStep(Mailer, cause, "bounced/failed", EmailBounced{
			Kind: KindWelcome, LicenseID: enabled, To: "anna@example.com",
			MessageID: "<7f8c2b1e-4d5a-5c6b-8e9f-0a1b2c3d4e5f@softphone.example.com>",
			Reason:    "no such mailbox here", EnhancedCode: "5.1.1", SMTPCode: 550, Action: ActionFailed,
		}),
		NewOutcome(NameSync, renamed, SoftphoneRenamed{Name: "Anna Berger"}),
		{
			ID: "019ccf27-0404-7aaa-8bbb-0123456789ab", Source: Operator, Time: at, Extension: acme,
			Data: ExtensionErased{
				By: "ops", Generation: 1, Messages: 4, Sequences: "5 9-11", Licenses: "1:1773044100250-1773047700250:4:1",
			},
		},
	}
}

func example(tb testing.TB, name string) Event {
	tb.Helper()
	for _, e := range examples() {
		if e.EventName() == name {
			return e
		}
	}
	tb.Fatalf("no example of %s", name)
	return Event{}
}

func encode(tb testing.TB, e Event) []byte {
	tb.Helper()
	body, err := e.Encode()
	if err != nil {
		tb.Fatalf("Encode %s: %v", e.EventName(), err)
	}
	return body
}

func TestEveryEventHasAnExample(t *testing.T) {
	t.Parallel()
	var names []string
	for _, e := range examples() {
		names = append(names, e.EventName())
	}
	want := Facts()
	for _, source := range append(Sources(), Operator) {
		want = append(want, Outcomes(source)...)
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("examples of %v, want %v", names, want)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		t.Run(e.EventName(), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", e.EventName()+".json")
			body := encode(t, e)
			if *update {
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, body, "", "  "); err != nil {
					t.Fatal(err)
				}
				pretty.WriteByte('\n')
				if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, golden); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(compact.Bytes(), body) {
				t.Errorf("Encode wrote\n%s\nwant\n%s", body, compact.Bytes())
			}
			for _, subject := range []string{
				e.Subject(), LogSubject(11, e.Source, e.Extension.Tenant, e.Extension.Number, e.EventName()),
			} {
				got, err := Decode(subject, golden)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, e) {
					t.Errorf("Decode read %+v, want %+v", got, e)
				}
				if _, err := DecodeStrict(subject, golden); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestDataAgreesWithEncodingJSON holds the lists of fields to the json tags: both ways of writing data, and both ways
// of reading it, are the same.
func TestDataAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		ours, err := e.EncodeData()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := json.Marshal(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(ours, &a) != nil || json.Unmarshal(theirs, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s: EncodeData wrote %s, encoding/json %s", e.EventName(), ours, theirs)
		}
		got, err := DecodeData(e.EventName(), theirs)
		if err != nil || !reflect.DeepEqual(got, e.Data) {
			t.Errorf("%s: DecodeData read %+v, %v, want %+v", e.EventName(), got, err, e.Data)
		}
		var tags []string
		for f := range reflect.TypeOf(e.Data).Fields() {
			tag, _, _ := bytes.Cut([]byte(f.Tag.Get("json")), []byte(","))
			tags = append(tags, string(tag))
		}
		if names := KnownFields(e.EventName()); len(names)+len(tags) > 0 && !reflect.DeepEqual(names, tags) {
			t.Errorf("%s: the fields are %v, the json tags %v", e.EventName(), names, tags)
		}
	}
}
