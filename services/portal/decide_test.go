package portal

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// step is one event of an extension, and the row after it.
type step struct {
	data  events.Data
	cause int // index of the step that caused it, of an outcome
	want  row
}

func TestDecide(t *testing.T) {
	t.Parallel()
	x := events.Extension{Tenant: "acme", Number: "1001"}
	const first, second = "01928c7e-0a3b-7c4d-8e5f-000000000001", "01928c7e-0a3b-7c4d-8e5f-000000000002"
	at := func(i int) time.Time { return time.UnixMilli(int64(1_700_000_000_000 + 1000*i)).UTC() }
	enabled := events.SoftphoneEnabled{Email: "a@example.com", Username: "1001@acme", DisplayName: "Ada"}
	granted := func(id string) events.LicenseGranted {
		return events.LicenseGranted{LicenseID: id, Generation: 1, DeviceLimit: 4, Email: "a@example.com", Username: "1001@acme", DisplayName: "Ada"}
	}
	activated := events.DeviceActivated{LicenseID: first, DeviceID: "d1", Platform: "mac", Used: 1, Limit: 4}
	on := row{Exists: true, Name: "Ada", Email: "a@example.com", Username: "1001@acme", Enabled: true}
	in := on
	in.LicenseID, in.Limit = first, 4
	mailed := func(r row, state, reason string, cause, i int) row {
		r.Mail = mail{State: state, To: "a@example.com", Reason: reason, Cause: uint64(cause + 1), At: at(i)}
		return r
	}
	seat := func(r row, used int) row { r.Used = used; return r }
	off := func(r row, closed int) row {
		r.Enabled, r.LicenseID, r.Used, r.Limit, r.ClosedAt = false, "", 0, 0, uint64(closed+1)
		return r
	}
	in2 := in
	in2.LicenseID = second
	again := func(r row) row { r.ClosedAt = 14; return r }
	deferred := func(why string) events.EmailDeferred {
		return events.EmailDeferred{
			Kind: "welcome", LicenseID: second, To: "a@example.com", MessageID: "<m@x>", Reason: why, Attempts: 1, NextAttempt: at(99),
		}
	}
	bounced := func(action, why string) events.EmailBounced {
		return events.EmailBounced{To: "a@example.com", MessageID: "<m@x>", Reason: why, Action: action}
	}
	corrected := func(id string) events.LicenseEmailChanged {
		return events.LicenseEmailChanged{LicenseID: id, Generation: 1, Email: "b@example.com", PreviousEmail: "a@example.com"}
	}
	moved := func(state string, i int) row {
		r := mailed(again(in2), state, "", 24, i)
		r.Email, r.Mail.To = "b@example.com", "b@example.com"
		return r
	}
	queued := mailed(in, "queued", "", 2, 2)
	sent := mailed(in, "sent", "", 2, 4)
	steps := []step{
		0:  {data: events.ExtensionRenamed{Name: "Ada"}, want: row{Exists: true, Name: "Ada"}},
		1:  {data: enabled, want: on},
		2:  {data: granted(first), cause: 1, want: queued},
		3:  {data: activated, cause: 2, want: seat(queued, 1)},
		4:  {data: events.EmailSent{Kind: "welcome", LicenseID: first, To: "a@example.com", MessageID: "<m@x>"}, cause: 2, want: seat(sent, 1)},
		5:  {data: events.EmailFailed{Kind: "password-changed", LicenseID: first, To: "a@example.com", Reason: "no"}, cause: 2, want: seat(sent, 1)},
		6:  {data: events.WelcomeEmailRequested{}, want: seat(mailed(in, "queued", "", 6, 6), 1)},
		7:  {data: events.EmailSent{Kind: "welcome", LicenseID: first, To: "a@example.com", MessageID: "<m@x>"}, cause: 2, want: seat(mailed(in, "queued", "", 6, 6), 1)},
		8:  {data: events.EmailFailed{Kind: "welcome", LicenseID: first, To: "a@example.com", Reason: "550 no"}, cause: 6, want: seat(mailed(in, "failed", "550 no", 6, 8), 1)},
		9:  {data: events.DeviceDeactivated{LicenseID: first, DeviceID: "d1", Used: 0, Limit: 4}, cause: 8, want: mailed(in, "failed", "550 no", 6, 8)},
		10: {data: events.SoftphoneDisabled{}, want: off(mailed(in, "failed", "550 no", 6, 8), 10)},
		11: {data: granted(second), cause: 1, want: off(mailed(in, "failed", "550 no", 6, 8), 10)}, // of the past
		12: {data: activated, cause: 2, want: off(mailed(in, "failed", "550 no", 6, 8), 10)},
		13: {data: events.ExtensionDeleted{}, want: row{ClosedAt: 14}},
		14: {data: events.ExtensionRenamed{Name: "Bob"}, want: row{Exists: true, Name: "Bob", ClosedAt: 14}},

		15: {data: enabled, want: again(on)},
		16: {data: granted(second), cause: 15, want: mailed(again(in2), "queued", "", 16, 16)},
		17: {data: deferred("451 later"), cause: 16, want: mailed(again(in2), "retrying", "451 later", 16, 17)},
		18: {data: deferred("452 later still"), cause: 16, want: mailed(again(in2), "retrying", "452 later still", 16, 18)},
		19: {data: events.EmailSent{Kind: "welcome", LicenseID: second, To: "a@example.com", MessageID: "<m@x>"}, cause: 16, want: mailed(again(in2), "sent", "", 16, 19)},
		20: {data: deferred("too late"), cause: 16, want: mailed(again(in2), "sent", "", 16, 19)},
		21: {data: bounced(events.ActionDelayed, "on its way"), cause: 16, want: mailed(again(in2), "sent", "", 16, 19)},
		22: {data: bounced(events.ActionFailed, "no such user"), cause: 16, want: mailed(again(in2), "bounced", "no such user", 16, 22)},

		23: {data: events.SoftphoneEmailChanged{Email: "b@example.com"}, want: mailed(again(in2), "bounced", "no such user", 16, 22)}, // the license worker decides
		24: {data: corrected(second), cause: 23, want: moved("queued", 24)},
		25: {data: events.EmailSkipped{Kind: "email-changed", LicenseID: second, To: "a@example.com", Reason: "recipient_failed"}, cause: 23, want: moved("queued", 24)},
		26: {data: events.EmailSent{Kind: "welcome", LicenseID: second, To: "b@example.com", MessageID: "<m@x>"}, cause: 24, want: moved("sent", 26)},
		27: {data: corrected(first), cause: 23, want: moved("sent", 26)}, // of the past
	}
	var history []events.Recorded
	var s row
	for i, step := range steps {
		e := events.Recorded{Sequence: uint64(i + 1)}
		e.Event = events.NewFact(x, step.data)
		e.Time, e.Source = at(i), events.SourcesOf(step.data.EventName())[0]
		if !events.IsFactSource(e.Source) {
			e.Cause = uint64(step.cause + 1)
		}
		history = append(history, e)
		s, _ = decide(s, e)
		want := step.want
		want.Granted, want.Counted, want.Reset = s.Granted, s.Counted, s.Reset // see TestStandingIsWhatTheLogSays
		if diff := cmp.Diff(want, s); diff != "" {
			t.Errorf("after step %d, %s (-want +got):\n%s", i, step.data.EventName(), diff)
		}
	}
	workertest.Check(t, ViewRules(), history)
}

// It is one order, also of numbers beside what only begins with one: else a page of the
// list would leave somebody out.
func TestByNumber(t *testing.T) {
	t.Parallel()
	ordered := []string{"", "007", "7", "99", "100", "0100", "1000", "2-sales", "5a", "A1", "_x"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := byNumber(a, b); (got < 0) != (i < j) && a != "0100" && b != "0100" || (got == 0) != (i == j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"": "", "nonsense": "",
	} {
		if got := network(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
