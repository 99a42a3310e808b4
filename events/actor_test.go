package events

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// A fact is a fact from the PBX core and from the portal, and an outcome only from its worker.
func TestFactsOfBothSources(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		for _, source := range Sources() {
			e.Source = source
			_, err := Decode(e.Subject(), encodeAs(t, e))
			want := source == PBX || source == Portal
			if !IsFact(e.EventName()) {
				want = SourcesOf(e.EventName())[0] == source
			}
			if (err == nil) != want || !want && !errors.Is(err, ErrUnknownEvent) {
				t.Errorf("%s of %s: %v", e.EventName(), source, err)
			}
		}
	}
}

// encodeAs writes an event also where its source may not publish it.
func encodeAs(t *testing.T, e Event) []byte {
	t.Helper()
	source := e.Source
	e.Source = SourcesOf(e.EventName())[0]
	return []byte(strings.Replace(string(encode(t, e)), `"source":"`+e.Source+`"`, `"source":"`+source+`"`, 1))
}

var ann = Actor{Kind: ActorAdministrator, ID: "ann", Name: `Ann "the" Admin\`}

// The portal's actor is in the event's bytes, and comes back.
func TestActorIsInTheEvent(t *testing.T) {
	t.Parallel()
	e := NewPortalFact(Extension{Tenant: "acme", Number: "1001"}, ann, SoftphoneDisabled{Reason: "left"})
	body := encode(t, e)
	for _, read := range []func(string, []byte) (Event, error){Decode, DecodeStrict} {
		got, err := read(e.Subject(), body)
		if err != nil || !reflect.DeepEqual(got, e) || got.By() != ann {
			t.Errorf("%s came back as %+v, %v", body, got, err)
		}
	}
	e.Actor = Actor{}
	if got, err := Decode(e.Subject(), encode(t, e)); err != nil || got.By() != (Actor{}) {
		t.Errorf("nobody came back as %+v, %v", got.By(), err)
	}
}

// What anybody but the portal says about an actor is not read, and refused where a person has just written it.
func TestActorCannotBeClaimed(t *testing.T) {
	t.Parallel()
	for _, e := range []Event{example(t, "SoftphoneEnabled"), example(t, "LicenseGranted")} {
		claim := strings.Replace(string(encode(t, e)), `"data":`, `"actorkind":"administrator","actorid":"ann","actorname":"Ann","data":`, 1)
		got, err := Decode(e.Subject(), []byte(claim))
		if err != nil || !reflect.DeepEqual(got, e) || got.By().Kind == ActorAdministrator {
			t.Errorf("%s was read as by %v, %v", claim, got.By(), err)
		}
		_, err = DecodeStrict(e.Subject(), []byte(claim))
		wantFault(t, err, "actorkind")
		e.Actor = ann
		_, err = e.Encode()
		wantFault(t, err, "actorkind")
	}
	if by := example(t, "SoftphoneEnabled").By(); by != (Actor{Kind: ActorCore}) {
		t.Errorf("a core's fact is by %v", by)
	}
}

func TestActorIsChecked(t *testing.T) {
	t.Parallel()
	for field, bad := range map[string]Actor{
		"actorkind": {ID: "ann"},
		"actorid":   {Kind: ActorDevice, ID: "a\nb"},
		"actorname": {Kind: ActorDevice, Name: strings.Repeat("x", maxLabel+1)},
	} {
		_, err := NewPortalFact(Extension{Tenant: "acme", Number: "1"}, bad, ExtensionDeleted{}).Encode()
		wantFault(t, err, field)
	}
	_, err := NewPortalFact(Extension{Tenant: "acme", Number: "1"}, Actor{Kind: "root"}, ExtensionDeleted{}).Encode()
	wantFault(t, err, "actorkind")
}

func TestActorInALine(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]Actor{
		"":                  {},
		"PBX core":          {Kind: ActorCore},
		"API token crm":     {Kind: ActorAPIToken, ID: "crm"},
		"device Ann's Mac":  {Kind: ActorDevice, ID: "mac-1", Name: "Ann's Mac"},
		"administrator ann": {Kind: ActorAdministrator, ID: "ann"},
	} {
		if got := a.String(); got != want {
			t.Errorf("%+v is %q, want %q", a, got, want)
		}
	}
}
