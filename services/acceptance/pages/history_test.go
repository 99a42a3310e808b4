package pages

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/chromiumtest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

// TestHistory walks through what happened to an extension: who did it, when in the reader's zone, what followed, and the
// pages before.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x, page := w.extension("7001", "Mira Sand")
	admin := w.administrator("Alex Kim")
	admin.do(emulation.SetTimezoneOverride("Asia/Kathmandu"))
	admin.open(page)
	admin.fill("#email", "mira@example.com")
	admin.click("#enable button.primary")
	admin.sees("App enabled")
	password := admin.text("#once output")
	for _, device := range []string{"phone-1", "phone-2", "phone-3", "phone-4"} {
		w.signIn(x, password, device)
	}
	_, _ = w.Service.SignIn(t.Context(), portal.SignIn{
		Username: portal.Username(x), Password: process.NewSecret(password), Device: portal.Device{ID: "phone-5", Platform: events.PlatformIPhone, Name: "New iPhone"},
	})
	w.Publish(events.NewFact(x, events.ExtensionRenamed{Name: "Mira Stone"}))
	w.Eventually("the welcome e-mail is sent", func() bool { return w.Last(x, events.Mailer, "EmailSent") != nil })

	admin.open(page)
	admin.click(".head .aside")
	admin.sees("History of 7001 · Mira Stone", "Name set to “Mira Stone”", "PBX core",
		"Password accepted from New iPhone (iPhone)", "Device Activation Limit Reached: New iPhone (iPhone) was refused, 4 of 4 devices in use",
		"App enabled for mira@example.com, up to 4 devices", "Administrator Alex Kim", "License granted to 7001@acme", "Welcome e-mail sent to mira@example.com")
	if admin.holds(password) {
		t.Error("the password is in the history")
	}
	var zone bool
	admin.js(`[...document.querySelectorAll(".history time")].every(t => t.textContent.includes(
		new Date(t.dateTime).toLocaleTimeString(undefined, {hour: "numeric", minute: "2-digit", timeZone: "Asia/Kathmandu"})))`, &zone)
	if !zone {
		t.Errorf("the times are not the reader's:\n%s", admin.screen())
	}
	admin.shows("history")
	var picture []byte
	var wide bool
	admin.do(emulation.SetDeviceMetricsOverride(360, 740, 1, true), chromedp.FullScreenshot(&picture, 100))
	chromiumtest.Keep(admin.t, "history-360.png", picture)
	if admin.js("document.documentElement.scrollWidth > innerWidth", &wide); wide {
		t.Error("360 wide: it is wider than the window")
	}
	admin.do(emulation.ClearDeviceMetricsOverride())

	for range portal.HistoryPage {
		w.Publish(events.NewFact(x, events.ExtensionRenamed{Name: "Mira Sand"}))
	}
	admin.reload()
	admin.sees("Earlier")
	if strings.Contains(admin.text("main"), "App enabled") {
		t.Error("the first page has more than a page")
	}
	admin.click(".more .button")
	admin.sees("App enabled for mira@example.com", "Latest")
	admin.shows("history-earlier")
	admin.click(".more .button")
	admin.sees("Earlier")
	admin.click(".back")
	admin.sees("7001 · Mira Sand", "App enabled")
}
