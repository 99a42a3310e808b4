package events

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNewFact(t *testing.T) {
	t.Parallel()
	before := time.Now().Add(-time.Millisecond)
	e := NewFact(Extension{Tenant: "acme", Number: "1001"}, ExtensionRenamed{Name: "Anna"})
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	if e.Time.Before(before) || e.Time.After(time.Now()) || e.Time.Location() != time.UTC {
		t.Errorf("the time is %v", e.Time)
	}
	if got, want := e.Subject(), "softphone.pbx.acme.1001.ExtensionRenamed"; got != want {
		t.Errorf("the subject is %s, want %s", got, want)
	}
	if got, err := Decode(e.Subject(), encode(t, e)); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("read %+v, %v, want %+v", got, err, e)
	}
}

func TestNewOutcomeIsPure(t *testing.T) {
	t.Parallel()
	cause := example(t, "ExtensionRenamed")
	e := NewOutcome(NameSync, cause, SoftphoneRenamed{Name: "Anna"})
	if !reflect.DeepEqual(e, NewOutcome(NameSync, cause, SoftphoneRenamed{Name: "Anna"})) {
		t.Error("the same outcome twice is not the same")
	}
	step := NewStep(Mailer, cause, "deferred/1", EmailDeferred{})
	if again := NewStep(Mailer, cause, "deferred/1", EmailDeferred{}); again.ID != step.ID {
		t.Error("the same step twice is not the same")
	}
	if step.ID == NewStep(Mailer, cause, "deferred/2", EmailDeferred{}).ID || step.ID == NewOutcome(Mailer, cause, EmailSent{}).ID {
		t.Error("two steps have one id")
	}
	if e.Time != cause.Time || e.Extension != cause.Extension || e.Source != NameSync || e.ID == cause.ID {
		t.Errorf("%+v does not follow from %+v", e, cause)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	good := example(t, "SoftphoneEnabled")
	outcome := example(t, "LicenseGranted")
	change := func(e Event, edit func(*Event)) Event { edit(&e); return e }
	tests := map[string]struct {
		event Event
		field string
	}{
		"nothing":         {Event{}, "data"},
		"no data":         {change(good, func(e *Event) { e.Data = nil }), "data"},
		"a pointer":       {change(good, func(e *Event) { e.Data = &SoftphoneEnabled{Email: "a@b", Username: "u", DisplayName: "n"} }), "data"},
		"no source":       {change(good, func(e *Event) { e.Source = "" }), "source"},
		"not its source":  {change(good, func(e *Event) { e.Source = License }), "source"},
		"no id":           {change(good, func(e *Event) { e.ID = "" }), "id"},
		"id of version 5": {change(good, func(e *Event) { e.ID = outcome.ID }), "id"},
		"bad outcome id":  {change(outcome, func(e *Event) { e.ID = "1" }), "id"},
		"no tenant":       {change(good, func(e *Event) { e.Extension.Tenant = "" }), "tenant"},
		"bad tenant":      {change(good, func(e *Event) { e.Extension.Tenant = "acme.evil" }), "tenant"},
		"bad extension":   {change(good, func(e *Event) { e.Extension.Number = "1001 " }), "extension"},
		"no time":         {change(good, func(e *Event) { e.Time = time.Time{} }), "time"},
		"year 9999":       {change(good, func(e *Event) { e.Time = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }), "time"},
		"bad data":        {change(good, func(e *Event) { e.Data = SoftphoneEnabled{} }), "data.email"},
		"foreign type":    {change(good, func(e *Event) { e.Data = impostor{} }), "data"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.event.Encode()
			wantFault(t, err, test.field)
			if strings.HasPrefix(test.field, "data") {
				_, err := test.event.EncodeData()
				wantFault(t, err, test.field)
			}
		})
	}
	if (Event{}).EventName() != "" {
		t.Error("an event without data has a name")
	}
}

// impostor has the name of an event and is another type.
type impostor struct{}

func (impostor) EventName() string { return "SoftphoneEnabled" }
func (impostor) Validate() error   { return nil }

func TestEncodeWritesUTC(t *testing.T) {
	t.Parallel()
	e := example(t, "ExtensionDeleted")
	utc := string(encode(t, e))
	e.Time = e.Time.In(time.FixedZone("", 3600))
	if got := string(encode(t, e)); got != utc {
		t.Errorf("wrote %s, want %s", got, utc)
	}
}

func TestCatalog(t *testing.T) {
	t.Parallel()
	if got := len(Facts()); got != 9 {
		t.Errorf("%d facts", got)
	}
	if Outcomes(PBX) != nil || Outcomes(Portal) != nil || Outcomes(fact) != nil || Outcomes("nobody") != nil || KnownFields("Nothing") != nil || SourcesOf("Nothing") != nil {
		t.Error("there is something where nothing should be")
	}
	if got, want := Outcomes(Mailer), []string{"EmailSent", "EmailFailed", "EmailSkipped", "EmailDeferred", "EmailBounced"}; !slices.Equal(got, want) {
		t.Errorf("the mailer's outcomes are %v, want %v", got, want)
	}
	if got, want := KnownFields("DeviceSignedIn"), []string{"deviceId", "platform", "deviceName", "appVersion"}; !slices.Equal(got, want) {
		t.Errorf("the fields are %v, want %v", got, want)
	}
	seen := map[string]bool{}
	for _, k := range catalog {
		for _, source := range SourcesOf(k.event) {
			if seen[k.event] || !k.publishedBy(source) || !slices.Contains(append(Sources(), Operator), source) || IsFact(k.event) != IsFactSource(source) {
				t.Errorf("%s of %s is not told apart", k.event, source)
			}
		}
		seen[k.event] = true
	}
}

func TestExtension(t *testing.T) {
	t.Parallel()
	x := Extension{Tenant: "acme", Number: "1001"}
	if err := x.Validate(); err != nil || x.String() != "acme/1001" {
		t.Errorf("%s: %v", x, err)
	}
	wantFault(t, Extension{Number: "1001"}.Validate(), "tenant")
	wantFault(t, Extension{Tenant: "acme"}.Validate(), "extension")
}
