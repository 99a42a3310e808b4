package events

import (
	"errors"
	"strings"
	"testing"
)

func TestParseSubject(t *testing.T) {
	t.Parallel()
	acme := Extension{Tenant: "acme", Number: "1001"}
	edge := Extension{Tenant: "0" + strings.Repeat("-", 62), Number: "-_aZ9" + strings.Repeat("0", 27)}
	tests := map[string]Route{
		"softphone.pbx.acme.1001.SoftphoneEnabled":           {AnyPartition, PBX, acme, "SoftphoneEnabled"},
		"log.0.pbx.acme.1001.SoftphoneEnabled":               {0, PBX, acme, "SoftphoneEnabled"},
		"log.15.device-counter.acme.1001.DeviceActivated":    {15, DeviceCounter, acme, "DeviceActivated"},
		"log.3.some-later-worker.acme.1001.NotInThisVersion": {3, "some-later-worker", acme, "NotInThisVersion"},
		PublishSubject(PBX, edge.Tenant, edge.Number, "X"):   {AnyPartition, PBX, edge, "X"},
	}
	for subject, want := range tests {
		got, err := ParseSubject(subject)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", subject, got, err, want)
		}
		if again := got.String(); again != subject {
			t.Errorf("%s came back as %s", subject, again)
		}
	}
}

func TestParseSubjectRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ subject, field string }{
		{"", "subject"},
		{"softphone", "subject"},
		{"softphone.pbx.acme.1001", "subject"},
		{"softphone.pbx.acme.1001.A.B", "subject"},
		{"fence.license.3", "subject"},
		{"log.pbx.acme.1001.A", "subject"},
		{"log.16.pbx.acme.1001.A", "subject"},
		{"log.03.pbx.acme.1001.A", "subject"},
		{"log.-1.pbx.acme.1001.A", "subject"},
		{"log.+1.pbx.acme.1001.A", "subject"},
		{"3.pbx.acme.1001.A", "subject"},
		{"dead.3.pbx.acme.1001.A", "subject"},
		{"softphone..acme.1001.A", "subject.source"},
		{"softphone.*.acme.1001.A", "subject.source"},
		{"softphone.pbx..1001.A", "subject.tenant"},
		{"softphone.pbx.Acme.1001.A", "subject.tenant"},
		{"softphone.pbx.-acme.1001.A", "subject.tenant"},
		{"softphone.pbx.ac_me.1001.A", "subject.tenant"},
		{"softphone.pbx.äcme.1001.A", "subject.tenant"},
		{"softphone.pbx." + strings.Repeat("a", 64) + ".1001.A", "subject.tenant"},
		{"softphone.pbx.acme..A", "subject.extension"},
		{"softphone.pbx.acme.10/01.A", "subject.extension"},
		{"softphone.pbx.acme.10 01.A", "subject.extension"},
		{"softphone.pbx.acme." + strings.Repeat("1", 33) + ".A", "subject.extension"},
		{"softphone.pbx.acme.1001.", "subject.event"},
		{"softphone.pbx.acme.1001.>", "subject.event"},
		{"softphone.pbx.acme.1001." + strings.Repeat("A", 65), "subject.event"},
		{strings.Repeat("x", 100000), "subject"},
	}
	for _, test := range tests {
		_, err := ParseSubject(test.subject)
		wantFault(t, err, test.field)
		if _, err := Decode(test.subject, nil); errors.Is(err, ErrUnknownEvent) {
			t.Errorf("Decode skips %q", test.subject)
		}
	}
}

func TestSubjectsAsFilters(t *testing.T) {
	t.Parallel()
	if got, want := LogSubject(AnyPartition, PBX, "*", "*", "DeviceSignedIn"), "log.*.pbx.*.*.DeviceSignedIn"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := PublishSubject(PBX, "*", "*", "*"), "softphone.pbx.*.*.*"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("softphone.pbx.acme.1001.SoftphoneEnabled")
	f.Add("log.15.device-counter.acme.1001.DeviceActivated")
	f.Add("log.3.pbx.a..b")
	f.Fuzz(func(t *testing.T, subject string) {
		r, err := ParseSubject(subject)
		if err != nil {
			var fault *FieldError
			if !errors.As(err, &fault) || !strings.HasPrefix(fault.Field, "subject") || len(err.Error()) > 400 {
				t.Errorf("%q: %v", subject, err)
			}
			return
		}
		if r.String() != subject || r.Extension.Validate() != nil {
			t.Errorf("%q was read as %+v", subject, r)
		}
	})
}
