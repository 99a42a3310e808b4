package pages

import (
	"testing"

	"github.com/mycloudpbx/softphone/events"
)

// TestOutages takes the servers away under open pages. The pages say so, and what
// was typed can be done when the servers are back.
func TestOutages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x, page := w.extension("4001", "Reception")
	b := w.administrator("Alex Kim")
	for _, server := range []struct {
		name       string
		stop, back func()
	}{
		{"Redis", w.Redis.Stop, w.Redis.Start},
		{"NATS", w.NATS.Stop, w.NATS.Start},
	} {
		b.open(page)
		b.sees("4001 ·")
		server.stop()
		b.fill("#name", "Saved after "+server.name)
		b.click(".finish button.primary")
		b.sees("Not just now", "Nothing is lost")
		if status := b.status(page); status != 503 {
			t.Errorf("without %s a page is answered %d", server.name, status)
		}
		b.shows("away")
		if status := b.status(w.url + "/sign-in"); status != 200 {
			t.Errorf("without %s the sign-in page is answered %d", server.name, status)
		}
		b.status(page)
		server.back()
		b.eventually(page, "4001 ·")
		b.fill("#name", "Saved after "+server.name)
		b.click(".finish button.primary")
		b.sees("The name was saved", "Saved after "+server.name)
	}
	if n := w.facts(x, events.ExtensionRenamed{}); n != 3 { // the first added it
		t.Errorf("it was named %d times, want 3", n)
	}
}
