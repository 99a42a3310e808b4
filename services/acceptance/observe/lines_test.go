package observe

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// Every line about an event says which: its id, tenant, extension and sequence. The
// run has an e-mail that is refused, one that is sent, a name that the directory does
// not take at first, and events that nobody can read.
func TestLinesAboutEventsSayWhich(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	s.relay.SetScript(servertest.SMTPScript{Rcpt: func(to string) error {
		if strings.HasPrefix(to, "bob") {
			return servertest.SMTPAnswer(550, 5, 1, 1, "no such user")
		}
		return nil
	}})
	s.directory.answer(http.StatusServiceUnavailable)
	s.start()
	s.enable()

	bob := events.Extension{Tenant: "acme", Number: "1002"}
	s.Publish(events.NewFact(bob, events.SoftphoneEnabled{Email: "bob@example.com", Username: "bob", DisplayName: "Bob"}))
	for _, fact := range []events.Data{events.SoftphoneEnabled{}, events.DeviceSignedIn{}, events.ExtensionRenamed{}, events.WelcomeEmailRequested{}} {
		s.Store(s.bad(fact))
	}
	s.Eventually("there are lines of each kind", func() bool {
		said := s.lines.String()
		return !slices.ContainsFunc([]string{"dead letter", "postponed", "e-mail sent", "e-mail failed"}, func(text string) bool {
			return !strings.Contains(said, text)
		})
	})
	s.directory.answer(http.StatusNoContent)
	s.Eventually("the name is pushed", func() bool { return strings.Contains(s.lines.String(), "name pushed") })
	s.stop()

	about := 0
	for text := range strings.Lines(s.lines.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("not a JSON line: %s", text)
			continue
		}
		if !aboutEvent(line) {
			continue
		}
		about++
		for _, field := range []string{"event", "tenant", "extension", "sequence"} {
			if value, is := line[field]; !is || value == "" || value == 0.0 {
				t.Errorf("no %s in: %s", field, text)
			}
		}
	}
	if about < 8 {
		t.Errorf("only %d lines about events in:\n%s", about, s.lines.String())
	}
}

// aboutEvent tells the lines that are about an event: those that say one of its
// fields, and those whose text is only ever said of one.
func aboutEvent(line map[string]any) bool {
	for _, field := range []string{"event", "sequence", "subject", "attempt"} {
		if _, is := line[field]; is {
			return true
		}
	}
	message, _ := line["message"].(string)
	for _, text := range []string{"dead letter", "postponed", "e-mail", "name pushed", "panicked", "outcome"} {
		if strings.Contains(message, text) {
			return true
		}
	}
	return false
}
