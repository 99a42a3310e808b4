package softphonectl_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// The list of events says who did it, in text and in JSON. A PBX core that claims to be
// somebody is the PBX core.
func TestEventsSayWhoDidIt(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	grace := events.Actor{Kind: events.ActorAdministrator, ID: "3f", Name: "Grace Hopper"}
	l.Publish(events.NewPortalFact(ann, grace, events.ExtensionRenamed{Name: "Ann"}))
	l.Publish(events.NewPortalFact(ann, events.Actor{Kind: events.ActorAPIToken, ID: "crm"}, events.SoftphoneDisabled{}))
	l.Publish(events.NewPortalFact(ann, events.Actor{}, events.ExtensionDeleted{}))
	claim := events.NewFact(ann, events.ExtensionRenamed{Name: "Eve"})
	l.storeWith(claim, `"actorkind":"administrator","actorname":"Grace Hopper",`)

	r := l.want(softphonectl.Done, "events", "acme/1001")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	for i, want := range []string{`"Ann", by administrator Grace Hopper`, "SoftphoneDisabled by API token crm", "ExtensionDeleted", `ExtensionRenamed "Eve"`} {
		if i >= len(lines) || !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d of\n%s\nshould end with %s", i, r.out, want)
		}
	}
	var got []any
	for _, line := range jsonLines(t, l.want(softphonectl.Done, "events", "acme/1001", "--json").out) {
		got = append(got, line["actor"])
	}
	want := []any{
		map[string]any{"kind": "administrator", "id": "3f", "name": "Grace Hopper"},
		map[string]any{"kind": "api-token", "id": "crm"}, nil, map[string]any{"kind": "pbx-core"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actors (-want +got):\n%s", diff)
	}
}

// storeWith stores an event with more attributes in its body.
func (l *live) storeWith(e events.Event, attributes string) {
	l.t.Helper()
	body, err := e.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	m := workertest.Message(l.t, e)
	m.Data = []byte(strings.Replace(string(body), `"data":`, attributes+`"data":`, 1))
	l.Store(m)
}
