package license

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

func get(w *workertest.World, x events.Extension) events.LicenseAnswer {
	return workertest.Get[events.LicenseAnswer](w, events.License, x)
}

func TestGrantsAndRevokes(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a")
	x := workertest.Extension()
	decide := func(d events.Data) events.Decision { return w.Decide(events.NewFact(x, d)) }

	enabled := events.NewFact(x, ada)
	first := w.Decide(enabled)
	var grant events.LicenseGranted
	if err := json.Unmarshal(first.Data, &grant); err != nil {
		t.Fatal(err)
	}
	want := events.LicenseGranted{
		LicenseID: enabled.ID, Generation: 1, DeviceLimit: 4,
		Email: ada.Email, Username: ada.Username, DisplayName: ada.DisplayName, Locale: ada.Locale,
	}
	if first.Outcome != "LicenseGranted" || first.EventID != enabled.ID || grant != want {
		t.Fatalf("decided %+v %+v, want %+v", first, grant, want)
	}
	if told := w.Last(x, events.License, "LicenseGranted"); told == nil || told.Sequence <= first.Sequence {
		t.Errorf("answered before it was told: %+v", told)
	}
	is := events.LicenseAnswer{
		Current: true, Active: true, LicenseID: enabled.ID, Generation: 1, DeviceLimit: 4,
		Email: ada.Email, Username: ada.Username, DisplayName: ada.DisplayName, GrantedAt: &enabled.Time,
	}
	if diff := cmp.Diff(is, get(w, x)); diff != "" {
		t.Errorf("get (-want +got):\n%s", diff)
	}
	for _, step := range []struct {
		fact events.Data
		told string
	}{
		{bob, events.AlreadyEnabled},
		{events.SoftphoneEmailChanged{Email: "ada@new.example"}, "LicenseEmailChanged"},
		{events.SoftphoneEmailChanged{Email: "ada@new.example"}, events.NothingToDo},
		{events.SoftphoneDisabled{Reason: "left"}, "LicenseRevoked"},
		{events.SoftphoneDisabled{}, events.NothingToDo},
		{events.SoftphoneEmailChanged{Email: "ada@other.example"}, events.NothingToDo},
		{events.ExtensionDeleted{}, events.NothingToDo},
		{bob, "LicenseGranted"},
		{events.ExtensionDeleted{}, "LicenseRevoked"},
	} {
		if got := decide(step.fact); got.Outcome != step.told {
			t.Errorf("%T is decided %s, want %s", step.fact, got.Outcome, step.told)
		}
	}
	if got := get(w, x); got.Active || !got.Current || got.Generation != 2 || got.DeviceLimit != 7 {
		t.Errorf("in the end %+v", got)
	}
	workertest.Settled(t, w, Rules())
}

func TestAsk(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	stop := start(w, "a")
	x, other := workertest.Extension(), events.Extension{Tenant: "acme", Number: "never-seen"}
	w.Decide(events.NewFact(x, ada))
	if got := get(w, other); got != (events.LicenseAnswer{Current: true}) {
		t.Errorf("never seen: %+v", got)
	}
	w.WrongQuestions(events.License)
	stop()

	release := w.Idle(events.License, "b")
	w.Redis.Empty()
	start(w, "b")
	if got := get(w, x); got != (events.LicenseAnswer{}) {
		t.Errorf("with nothing in Redis and nobody who folds: %+v", got)
	}
	release()
	w.Eventually("what was lost is folded again", func() bool { got := get(w, x); return got.Current && got.Active })
	workertest.Settled(t, w, Rules())
}

func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	stop := start(w, "a")
	start(w, "b")
	w.Shares(events.License, "a", "b")
	publish := func(d events.Data) {
		for i := range 200 {
			w.Publish(events.NewFact(workertest.Nth(i), d))
		}
	}
	publish(ada)
	if got := workertest.Settled(t, w, Rules()); got.Outcomes != 200 {
		t.Errorf("%d outcomes, want 200", got.Outcomes)
	}
	publish(events.SoftphoneDisabled{})
	stop()
	w.Shares(events.License, "b")
	publish(bob)
	if got := workertest.Settled(t, w, Rules()); got.Outcomes != 600 {
		t.Errorf("%d outcomes, want 600", got.Outcomes)
	}
}

func TestForeignPasswordGoesNowhere(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a")
	x := workertest.Extension()
	if got := w.DecideMessage(w.Tainted(events.NewFact(x, ada))); got.Outcome != "LicenseGranted" {
		t.Errorf("decided %+v", got)
	}
	torn := w.Tainted(events.NewFact(x, ada))
	torn.Data = torn.Data[:len(torn.Data)-9]
	if got := w.DecideMessage(torn); got.Outcome != events.Invalid {
		t.Errorf("decided %+v", got)
	}
	if got := w.DecideMessage(w.Tainted(events.NewFact(x, events.SoftphoneDisabled{}))); got.Outcome != "LicenseRevoked" {
		t.Errorf("decided %+v", got)
	}
	workertest.Settled(t, w, Rules())
	if dead := w.Messages(events.DeadStream, "dead.license.>"); len(dead) != 1 {
		t.Errorf("%d dead letters, want the torn one", len(dead))
	}
	w.Untold(events.License)
}
