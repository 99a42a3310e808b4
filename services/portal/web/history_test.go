package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// The page tells who did what, when, and below it what followed; "Earlier" leads on, and "Latest" back.
func TestHistory(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	at := time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	by := func(kind, name string) events.Actor { return events.Actor{Kind: kind, ID: "id", Name: name} }
	p.core.history[reception] = []portal.Happened{
		{Sequence: 9, At: at, Event: "DeviceSignedIn", Actor: by(events.ActorDevice, "Phone"), Text: portal.Phrase{"Password accepted from ", "Phone", " (iPhone)"},
			Followed: []portal.Happened{{Sequence: 10, At: at, Event: "DeviceActivationLimitReached", Text: portal.Phrase{"Device Activation Limit Reached: ", "Phone", " was refused"}}}},
		{Sequence: 7, At: at, Event: "SoftphoneEnabled", Actor: by(events.ActorAPIToken, "crm"), Text: portal.Phrase{"App enabled for ", "a@example.com"}},
		{Sequence: 5, At: at, Event: "ExtensionRenamed", Actor: by(events.ActorAdministrator, "<b>Ann</b>"), Text: portal.Phrase{"Name set to “", "<i>x</i>", "”"}},
	}
	b := p.signedIn(alex)
	b.get(receptionURL).wants(t, http.StatusOK, `href="`+receptionURL+`/history"`)
	a := b.get(receptionURL + "/history")
	a.wants(t, http.StatusOK,
		`Password accepted from <bdi>Phone</bdi> (iPhone)`, `Device <bdi>Phone</bdi>, <time`, `datetime="2026-03-09T08:00:00Z"`,
		`API token <bdi>crm</bdi>`, `href="`+receptionURL+`/history?before=7">Earlier</a>`, `href="`+receptionURL+`"`,
	)
	if inner := a.body[strings.Index(a.body, "<ul>"):strings.Index(a.body, "</ul>")]; !strings.Contains(inner, "Limit Reached") || !strings.Contains(inner, "tone bad") {
		t.Errorf("what followed is %s", inner)
	}
	if strings.Contains(a.body, "Latest") {
		t.Error("the latest page leads to itself")
	}
	a = b.get(receptionURL + "/history?before=7")
	a.wants(t, http.StatusOK, `Administrator <bdi>&lt;b&gt;Ann&lt;/b&gt;</bdi>`, `“<bdi>&lt;i&gt;x&lt;/i&gt;</bdi>”`, `href="`+receptionURL+`/history">Latest</a>`)
	if strings.Contains(a.body, "Earlier") {
		t.Error("there is something earlier than the first")
	}
	b.get(receptionURL+"/history?before=5").wants(t, http.StatusOK, "Nothing earlier", "Latest")
	b.get(receptionURL+"/history?before=x").wants(t, http.StatusOK, "Password accepted")
}

// A deleted extension has its history, and one leads back to the list. Another tenant's is as if it were not there.
func TestHistoryOfOthers(t *testing.T) {
	t.Parallel()
	p := serve(t)
	p.core.history[reception] = []portal.Happened{{Sequence: 9, Event: "ExtensionDeleted", Text: portal.Phrase{"Extension deleted"}}}
	theirs := events.Extension{Tenant: "globex", Number: "1003"}
	p.core.history[theirs] = p.core.history[reception]
	b := p.signedIn(alex)
	b.get(receptionURL+"/history").wants(t, http.StatusOK, "Extension deleted", `href="/tenants/acme"`)
	b.get("/tenants/acme/extensions/1004/history").wants(t, http.StatusNotFound)
	other := b.get("/tenants/globex/extensions/1003/history")
	if b.get("/tenants/globex/extensions/1003").StatusCode != other.StatusCode || strings.Contains(other.body, "Extension deleted") {
		t.Errorf("another tenant's history: %s", other.Status)
	}
	if a := p.browser().get(receptionURL + "/history"); a.StatusCode == http.StatusOK {
		t.Errorf("nobody in particular: %s", a.Status)
	}
}
