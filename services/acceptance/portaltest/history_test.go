package portaltest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// remembers reads the history that the story has made by now, page by page.
func (c client) remembers() {
	c.t.Helper()
	route := "GET " + extension + "/history"
	for _, name := range []string{"Ada", "Ada King", "Ada", "Ada Lovelace"} { // more than one page
		c.call("PUT "+extension, "", fields{"name": name}).is(200)
	}
	var sequences []float64
	for query := ""; ; {
		page := c.call(route, query, nil).is(200)
		for _, entry := range page["history"].([]any) {
			sequences = append(sequences, entry.(fields)["sequence"].(float64))
		}
		next, more := page["next"].(float64)
		if !more {
			break
		}
		query = fmt.Sprintf("?before=%.0f", next)
	}
	for i := 1; i < len(sequences); i++ {
		if sequences[i] >= sequences[i-1] {
			c.t.Errorf("%.0f comes after %.0f", sequences[i], sequences[i-1])
		}
	}
	if want := c.stored(events.PBX) + c.stored(events.Portal); len(sequences) != want || want <= portal.HistoryPage {
		c.t.Errorf("%d facts on its pages, %d in the log", len(sequences), want)
	}
	if empty := c.call(route, "?before=1", nil).is(200)["history"].([]any); len(empty) != 0 {
		c.t.Errorf("before the first event: %v", empty)
	}
	for _, wrong := range []string{"x", "0", "-1", "18446744073709551616"} {
		if field := c.call(route, "?before="+wrong, nil).problem(400, "invalid"); field != "before" {
			c.t.Errorf("before=%s: field %q", wrong, field)
		}
	}
}

// stored is how many events of a source the log has about the story's extension.
func (c client) stored(source string) int {
	return len(c.world.Messages(events.Stream, events.LogSubject(-1, source, "acme", "1001", "*")))
}

// told is a history in lines: who, what, and below it what followed.
func told(page []portal.Happened, depth int) (lines []string) {
	for _, h := range page {
		line := strings.Repeat("  ", depth) + h.Text.String()
		if by := h.Actor.String(); by != "" {
			line += " | " + by
		}
		lines = append(append(lines, line), told(h.Followed, depth+1)...)
	}
	return lines
}

// Everything that was done is told with who did it and what followed, the newest first: also a mail that came back days
// later stands below what it was sent for.
func TestHistory(t *testing.T) {
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
	granted := w.Last(ada, events.License, "LicenseGranted")
	grant, err := events.Decode(granted.Subject, granted.Data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(t, w, e.Username, e.Password, "d1"); err != nil {
		t.Fatal(err)
	}
	core := portal.As(t.Context(), portal.Actor{Kind: portal.KindAPIToken, ID: "7", Name: "crm", Tenant: "acme", Scopes: portal.ScopeCore})
	if _, _, err := w.Service.Publish(core, events.NewFact(ada, events.DeviceRemoved{DeviceID: "d1"}), time.Minute); err != nil {
		t.Fatal(err)
	}
	w.Decide(events.NewFact(ada, events.SoftphoneDisabled{Reason: "left"}))
	w.Store(workertest.Outcome(t, events.Mailer, grant, granted.Sequence, events.EmailSent{
		Kind: events.KindWelcome, LicenseID: e.LicenseID, To: "ada@example.com", MessageID: "<1@example.com>",
	}))
	unreadable := workertest.Message(t, events.NewFact(ada, events.ExtensionRenamed{Name: "Eve"}))
	unreadable.Data = []byte(`{"password":"` + e.Password.Reveal() + `"}`)
	w.Store(unreadable)

	page, next, err := w.Service.History(portal.As(t.Context(), portal.Actor{Tenant: "acme", Scopes: portal.ScopeRead}), ada, 0)
	if err != nil || next != 0 {
		t.Fatal(next, err)
	}
	want := []string{
		"An event that cannot be read | PBX core",
		"App disabled (left) | PBX core",
		"  License revoked (left)",
		"Device removed: d1 | API token crm",
		"  Signed out: d1, 0 of 4 devices in use",
		"Password accepted from Ada's d1 (Mac) | device Ada's d1",
		"  Signed in: Ada's d1 (Mac), 1 of 4 devices in use",
		"App enabled for ada@example.com, up to 4 devices | administrator Grace",
		"  License granted to 1001@acme, up to 4 devices",
		"    Welcome e-mail sent to ada@example.com",
		"Name set to “Ada” | administrator Grace",
	}
	if diff := cmp.Diff(want, told(page, 0)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Each page has what followed from its own facts, also what is in the log after the next one's, and nothing twice.
func TestHistoryOfManyPages(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "Grace")
	var facts []events.Event
	var places []uint64
	const n = 2*portal.HistoryPage + 3
	for range n {
		fact := events.NewFact(ada, events.WelcomeEmailRequested{})
		facts, places = append(facts, fact), append(places, w.Publish(fact))
	}
	for i := range n { // all of them after the last fact, and the last fact's first
		i = n - 1 - i
		w.Store(workertest.Outcome(t, events.Mailer, facts[i], places[i], events.EmailSkipped{Kind: events.KindWelcome, Reason: fmt.Sprint("reason ", i)}))
	}
	seen := 0
	for before, pages := uint64(0), 1; ; pages++ {
		page, next, err := w.Service.History(ctx, ada, before)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page {
			seen++
			i := n - seen
			if h.Sequence != places[i] || len(h.Followed) != 1 || !strings.HasSuffix(h.Followed[0].Text.String(), fmt.Sprint(": reason ", i)) {
				t.Errorf("%d is %+v", i, h)
			}
		}
		if next == 0 {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		before = next
	}
	if seen != n {
		t.Errorf("%d of %d", seen, n)
	}
}

// Of what was erased the marker alone is told, from the moment it is in the log; and what came after it.
func TestHistoryOfErased(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "Grace")
	enabled(t, w, ada)
	if err := w.Service.Delete(ctx, ada, portal.Any); err != nil {
		t.Fatal(err)
	}
	marker := events.NewFact(ada, events.ExtensionErased{By: "the officer", Generation: 1, Messages: 5, Sequences: "1-9"})
	marker.Source = events.Operator
	w.Store(workertest.Message(t, marker))
	check := func(want ...string) {
		t.Helper()
		page, _, err := w.Service.History(ctx, ada, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, told(page, 0)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	check("Personal data erased: 5 events | operator the officer")
	if _, err := w.Service.Add(ctx, ada, "Bob"); err != nil {
		t.Fatal(err)
	}
	check("Name set to “Bob” | administrator Grace", "Personal data erased: 5 events | operator the officer")
}
