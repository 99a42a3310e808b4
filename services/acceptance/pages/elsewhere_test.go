package pages

import (
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// TestEnabledElsewhere has a PBX core enable the app by itself: the page says that there
// is no password here, and a reset makes one.
func TestEnabledElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x, page := w.extension("6001", "Dee Fox")
	admin := w.administrator("Alex Kim")
	admin.open(page)
	admin.sees("App off")
	w.Publish(events.NewFact(x, events.SoftphoneEnabled{Email: "dee@example.com", Username: portal.Username(x), DisplayName: "Dee Fox"}))
	admin.sees("turned on or off elsewhere") // without a reload
	admin.eventually(page, "No password was set here yet")
	admin.shows("extension-no-password")
	admin.resetting()
	admin.click("#reset button.primary")
	admin.sees("The password was changed")
	if admin.holds("No password was set here yet") {
		t.Error("the page says so after the reset")
	}
	w.signIn(x, admin.text("#once output"), "d1")
}
