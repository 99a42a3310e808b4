package portaltest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// by is who caused the last fact of a kind, of a source.
func by(t *testing.T, w *portaltest.World, source string, kind events.Data) events.Actor {
	t.Helper()
	m := w.Last(ada, source, kind.EventName())
	if m == nil {
		t.Fatalf("no %s of %s", kind.EventName(), source)
	}
	e, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	return e.By()
}

// Every fact of the portal says who caused it: an administrator, a device, an API token.
func TestWhoDidIt(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	grace := portaltest.As(t.Context(), "Grace")
	if _, err := w.Service.Add(grace, ada, "Ada"); err != nil {
		t.Fatal(err)
	}
	e, err := w.Service.Enable(grace, ada, portal.Any, "ada@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(t, w, e.Username, e.Password, "d1"); err != nil {
		t.Fatal(err)
	}
	core := portal.As(t.Context(), portal.Actor{
		Kind: portal.KindAPIToken, ID: "pbx-1", Name: "pbx-1", Tenant: "acme", Scopes: portal.ScopeCore,
	})
	if _, _, err := w.Service.Publish(core, events.NewFact(ada, events.DeviceRemoved{DeviceID: "d1"}), time.Second); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind events.Data
		want events.Actor
	}{
		{events.ExtensionRenamed{}, administrator("Grace")},
		{events.SoftphoneEnabled{}, administrator("Grace")},
		{events.DeviceSignedIn{}, events.Actor{Kind: events.ActorDevice, ID: "d1"}},
		{events.DeviceRemoved{}, events.Actor{Kind: events.ActorAPIToken, ID: "pbx-1", Name: "pbx-1"}},
	} {
		got := by(t, w, events.Portal, c.kind)
		if c.kind.EventName() == "DeviceSignedIn" {
			got.Name = "" // whatever the helper calls it
		}
		if got != c.want {
			t.Errorf("%s is by %+v, want %+v", c.kind.EventName(), got, c.want)
		}
	}
	if m := w.Last(ada, events.PBX, "*"); m != nil {
		t.Errorf("the portal speaks for a PBX core: %s", m.Subject)
	}
}

// A PBX core that says in its header and its body that somebody else did it is the one
// who did it.
func TestCoreClaimsNobody(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	added(t, w, ada)
	d, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
	if err != nil {
		t.Fatal(err)
	}
	m := workertest.Message(t, events.NewFact(ada, events.ExtensionRenamed{Name: "Eve"}))
	m.Header.Set("Softphone-Actor", "Grace")
	m.Data = []byte(strings.Replace(string(m.Data), `"data":`, `"actorkind":"administrator","actorid":"Grace","actorname":"Grace","data":`, 1))
	w.Store(m)
	_, err = w.Service.Save(portaltest.As(t.Context(), "Grace"), ada, d.Version, "Ada King")
	conflict, ok := errors.AsType[*portal.Conflict](err)
	if !ok || conflict.Who != (events.Actor{Kind: events.ActorCore}) || !strings.Contains(err.Error(), "by PBX core at") {
		t.Errorf("a claim is believed: %v", err)
	}
}

// The last fact of a kind is the later one of both sources, for everything the portal
// shows and for what the workers decide.
func TestLaterSourceHolds(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	grace := portaltest.As(t.Context(), "Grace")
	enabled(t, w, ada)
	for i, name := range []string{"Ada King", "Ada Byron"} {
		w.Publish(events.NewFact(ada, events.ExtensionRenamed{Name: name}))
		d, err := w.Service.Get(grace, ada)
		if err != nil || d.Name != name {
			t.Fatalf("%d: after the core's rename: %+v, %v", i, d, err)
		}
		if _, err := w.Service.Save(grace, ada, d.Version, "Ada Lovelace"); err != nil {
			t.Fatal(err)
		}
		if d, err = w.Service.Get(grace, ada); err != nil || d.Name != "Ada Lovelace" {
			t.Fatalf("%d: after the portal's: %+v, %v", i, d, err)
		}
	}
	if got := w.Decide(events.NewFact(ada, events.SoftphoneDisabled{})); got.Outcome != "LicenseRevoked" {
		t.Errorf("the core disables what the portal enabled: %+v", got)
	}
	if d, err := w.Service.Get(grace, ada); err != nil || d.Enabled {
		t.Errorf("after that: %+v, %v", d, err)
	}
	w.Publish(events.NewFact(events.Extension{Tenant: "acme", Number: "2002"}, events.ExtensionRenamed{Name: "Of the core"}))
	w.Eventually("both are in the list", func() bool {
		page, _, err := w.Service.List(grace, "acme", "", "")
		return err == nil && len(page) == 2
	})
	m, err := w.Log.LastInput(t.Context(), events.Extension{Tenant: "acme", Number: "1001"}, events.Inputs(events.SoftphoneDisabled{})...)
	if err != nil || m == nil || m.Source() != events.PBX {
		t.Errorf("%+v, %v", m, err)
	}
}

// Every sign-in is a line that says who, with what, from where and what came of it, and
// nothing of what was typed in the wrong place.
func TestSignInsAreLogged(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	try := func(username, password, device string) {
		_, _ = w.Service.SignIn(t.Context(), portal.SignIn{
			Username: username, Password: process.NewSecret(password), Address: "192.0.2.7",
			Device: portal.Device{ID: device, Platform: events.PlatformMac},
		})
	}
	try(e.Username, e.Password.Reveal(), "mac-1")
	try(e.Username, "not the one", "mac-2")
	try("typed in the wrong place", "not the one", "typed there too")
	lines := w.Lines()
	for _, want := range []string{
		`"security":"sign-in","tenant":"acme","extension":"1001","device":"mac-1","from":"192.0.2.7","result":"activated"`,
		`"security":"sign-in","tenant":"acme","extension":"1001","device":"mac-2","from":"192.0.2.7","result":"wrong"`,
		`"security":"sign-in","tenant":"","extension":"","device":"","from":"192.0.2.7","result":"invalid"`,
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("no line has %s", want)
		}
	}
	if strings.Contains(lines, "typed") || strings.Contains(lines, e.Password.Reveal()) {
		t.Error("a line has what was typed")
	}
}
