package eventlog_test

import (
	"testing"

	"github.com/mycloudpbx/softphone/events"
)

// Of two sources the later one holds, whichever it is, and what a third one publishes
// under that name hides neither.
func TestLastInput(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	inputs := events.Inputs(events.SoftphoneDisabled{})
	last := func() uint64 {
		m, err := log.LastInput(t.Context(), events.Extension{Tenant: "acme", Number: "1001"}, inputs...)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return 0
		}
		return m.Sequence
	}
	if got := last(); got != 0 {
		t.Errorf("%d in an empty log", got)
	}
	for i, source := range []string{"pbx", "portal", "portal", "pbx", "portal", "license", "stranger", "pbx", "mailer"} {
		receipt := publish(t, log, "softphone."+source+".acme.1001.SoftphoneDisabled", "", "{}")
		publish(t, log, "softphone.pbx.acme.1002.SoftphoneDisabled", "", "{}")
		publish(t, log, "softphone.pbx.acme.1001.SoftphoneEnabled", "", "{}")
		want := receipt.Sequence
		if !events.IsFactSource(source) {
			want = map[int]uint64{5: 13, 6: 13, 8: 22}[i]
		}
		if got := last(); got != want {
			t.Errorf("after %d, by %s: %d, want %d", i, source, got, want)
		}
	}
}

// The portal's view is a worker of the portal's name that publishes no outcomes.
func TestNoOutcomeOfThePortal(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	publish(t, log, "softphone.portal.acme.1001.SoftphoneDisabled", "", "{}")
	partition := events.PartitionOf("acme")
	if m, err := log.LastOutcome(t.Context(), partition, events.Portal); m != nil || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
	told := publish(t, log, "softphone.license.acme.1001.LicenseRevoked", "", "{}")
	if m, err := log.LastOutcome(t.Context(), partition, events.License); err != nil || m == nil || m.Sequence != told.Sequence {
		t.Errorf("%+v, %v", m, err)
	}
}
