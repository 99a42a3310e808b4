package devicecounter

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

func start(w *workertest.World, replica string) (stop func()) {
	return w.Start(func(ctx context.Context) error { return Run(ctx, w.Config(replica)) })
}

func get(w *workertest.World, x events.Extension) events.DevicesAnswer {
	return workertest.Get[events.DevicesAnswer](w, events.DeviceCounter, x)
}

// license enables an extension's softphone and says what the license worker says
// of it. It returns the license's id.
func license(t *testing.T, w *workertest.World, x events.Extension, generation, limit int) string {
	t.Helper()
	enabled := events.NewFact(x, events.SoftphoneEnabled{Email: "ada@acme.example", Username: "ada", DisplayName: "Ada"})
	w.Store(workertest.Outcome(t, events.License, enabled, w.Publish(enabled), events.LicenseGranted{
		LicenseID: enabled.ID, Generation: generation, DeviceLimit: limit,
		Email: "ada@acme.example", Username: "ada", DisplayName: "Ada",
	}))
	return enabled.ID
}

func knock(x events.Extension, device string) events.Event {
	return events.NewFact(x, events.DeviceSignedIn{DeviceID: device, Platform: events.PlatformIPhone, DeviceName: "a phone"})
}

func TestCounts(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a")
	x := workertest.Extension()
	outcome := func(d events.Data) string { return w.Decide(events.NewFact(x, d)).Outcome }
	device := func(id string) events.DeviceSignedIn {
		return events.DeviceSignedIn{DeviceID: id, Platform: events.PlatformIPhone, DeviceName: "a phone"}
	}
	if got := outcome(device("early")); got != "DeviceSignInRefused" {
		t.Errorf("without a license: %s", got)
	}
	id := license(t, w, x, 1, 2)
	first := knock(x, "one")
	decision := w.Decide(first)
	var seat events.DeviceActivated
	if err := json.Unmarshal(decision.Data, &seat); err != nil {
		t.Fatal(err)
	}
	want := events.DeviceActivated{
		LicenseID: id, DeviceID: "one", Platform: events.PlatformIPhone, DeviceName: "a phone", Used: 1, Limit: 2,
	}
	if decision.Outcome != "DeviceActivated" || decision.EventID != first.ID || seat != want {
		t.Fatalf("decided %+v %+v, want %+v", decision, seat, want)
	}
	for _, step := range []struct {
		fact events.Data
		told string
	}{
		{device("one"), events.DeviceRecognized},
		{device("two"), "DeviceActivated"},
		{device("three"), "DeviceActivationLimitReached"},
		{events.DeviceRemoved{DeviceID: "two"}, "DeviceDeactivated"},
		{events.DeviceRemoved{DeviceID: "two"}, events.NothingToDo},
	} {
		if got := outcome(step.fact); got != step.told {
			t.Errorf("%+v is decided %s, want %s", step.fact, got, step.told)
		}
	}
	is := events.DevicesAnswer{Current: true, LicenseID: id, Used: 1, Limit: 2, Devices: []events.Seat{{
		DeviceID: "one", Platform: events.PlatformIPhone, DeviceName: "a phone", ActivatedAt: first.Time,
	}}}
	if diff := cmp.Diff(is, get(w, x)); diff != "" {
		t.Errorf("get (-want +got):\n%s", diff)
	}
	w.Publish(events.NewFact(x, events.SoftphoneDisabled{}))
	if got := outcome(device("one")); got != "DeviceSignInRefused" {
		t.Errorf("after a disable: %s", got)
	}
	license(t, w, x, 2, 2)
	if got := outcome(device("two")); got != "DeviceActivated" {
		t.Errorf("under the next license: %s", got)
	}
	workertest.Settled(t, w, Rules())
}

func TestAsk(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	stop := start(w, "a")
	x := workertest.Extension()
	license(t, w, x, 1, 4)
	w.Decide(knock(x, "one"))
	empty := events.DevicesAnswer{Current: true, Devices: []events.Seat{}}
	if diff := cmp.Diff(empty, get(w, events.Extension{Tenant: "acme", Number: "never-seen"})); diff != "" {
		t.Errorf("never seen (-want +got):\n%s", diff)
	}
	w.WrongQuestions(events.DeviceCounter)
	stop()

	release := w.Idle(events.DeviceCounter, "b")
	w.Redis.Empty()
	start(w, "b")
	empty.Current = false
	if diff := cmp.Diff(empty, get(w, x)); diff != "" {
		t.Errorf("with nothing in Redis and nobody who folds (-want +got):\n%s", diff)
	}
	release()
	w.Eventually("what was lost is folded again", func() bool { got := get(w, x); return got.Current && got.Used == 1 })
	workertest.Settled(t, w, Rules())
}

// Whoever has looked at the log is answered as of that look, and no other.
func TestAskAsOf(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a")
	x := workertest.Extension()
	license(t, w, x, 1, 4)
	log, err := w.Log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := w.Decide(knock(x, "one")).Sequence
	for _, c := range []struct {
		what    string
		asOf    events.Position
		current bool
	}{
		{"the last sign-in", events.Position{Log: log.Created, Sequence: at}, true},
		{"before it", events.Position{Log: log.Created, Sequence: at - 1}, false},
		{"not there yet", events.Position{Log: log.Created, Sequence: at + 1}, false},
		{"of another log", events.Position{Log: log.Created.Add(1), Sequence: at}, false},
	} {
		question, err := json.Marshal(events.Question{Tenant: x.Tenant, Extension: x.Number, AsOf: &c.asOf})
		if err != nil {
			t.Fatal(err)
		}
		var got events.DevicesAnswer
		if err := json.Unmarshal(w.Ask(events.DeviceCounter, string(question)).Body, &got); err != nil || got.Current != c.current || !got.Holds("one") {
			t.Errorf("%s: %+v, %v; want current %t", c.what, got, err, c.current)
		}
	}
}

func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	stop := start(w, "a")
	start(w, "b")
	w.Shares(events.DeviceCounter, "a", "b")
	const extensions = 100
	for i := range extensions {
		license(t, w, workertest.Nth(i), 1, 4)
		w.Publish(knock(workertest.Nth(i), "one"))
	}
	if got := workertest.Settled(t, w, Rules()); got.Outcomes != extensions {
		t.Errorf("%d outcomes, want %d", got.Outcomes, extensions)
	}
	for i := range extensions {
		w.Publish(knock(workertest.Nth(i), "two"))
	}
	stop()
	w.Shares(events.DeviceCounter, "b")
	for i := range extensions {
		w.Publish(knock(workertest.Nth(i), "one"))
		w.Publish(knock(workertest.Nth(i), "three"))
	}
	if got := workertest.Settled(t, w, Rules()); got.Outcomes != 3*extensions {
		t.Errorf("%d outcomes, want %d", got.Outcomes, 3*extensions)
	}
}

func TestForeignPasswordGoesNowhere(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a")
	x := workertest.Extension()
	license(t, w, x, 1, 4)
	if got := w.DecideMessage(w.Tainted(knock(x, "one"))); got.Outcome != "DeviceActivated" {
		t.Errorf("decided %+v", got)
	}
	torn := w.Tainted(knock(x, "two"))
	torn.Data = torn.Data[:len(torn.Data)-9]
	if got := w.DecideMessage(torn); got.Outcome != events.Invalid {
		t.Errorf("decided %+v", got)
	}
	if got := w.DecideMessage(w.Tainted(events.NewFact(x, events.DeviceRemoved{DeviceID: "one"}))); got.Outcome != "DeviceDeactivated" {
		t.Errorf("decided %+v", got)
	}
	workertest.Settled(t, w, Rules())
	if dead := w.Messages(events.DeadStream, "dead.device-counter.>"); len(dead) != 1 {
		t.Errorf("%d dead letters, want the torn one", len(dead))
	}
	w.Untold(events.DeviceCounter)
}
