package events

import (
	"errors"
	"strconv"
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
		{"softphone.pbx.acme.@.A", "subject.extension"},
		{"log.3.pbx.acme.@.SoftphoneEnabled", "subject.extension"},
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

// No extension is called "@", and who publishes an event about one is told what "@" is.
func TestAboutTenant(t *testing.T) {
	t.Parallel()
	x := Extension{Tenant: "acme", Number: AboutTenant}
	wantFault(t, x.Validate(), "extension")
	_, err := ParseSubject(PublishSubject(PBX, x.Tenant, x.Number, "SoftphoneEnabled"))
	wantFault(t, err, "subject.extension")
	if want := `"@" stands for the tenant itself`; !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want it to say %s", err, want)
	}
}

// All of a tenant is in one partition, and tenants are spread over all of them.
func TestPartitionOf(t *testing.T) {
	t.Parallel()
	seen := make([]int, Partitions)
	for i := range 1000 {
		seen[PartitionOf("acme-"+strconv.Itoa(i))]++
	}
	for p, n := range seen {
		if n < 30 || n > 120 {
			t.Errorf("partition %d has %d of 1,000 tenants", p, n)
		}
	}
	if p := PartitionOf("acme"); p != 15 {
		t.Errorf("acme is in %d", p)
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
