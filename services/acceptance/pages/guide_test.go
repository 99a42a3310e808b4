package pages

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
)

// TestGuide is the guide that administrators and users are given, from the first
// click to the last.
func TestGuide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := &guide{world: w, x: events.Extension{Tenant: "acme", Number: "1001"}}
	g.signIn()
	g.addExtension()
	g.enable()
	g.readMail()
	g.fourDevices()
	g.fifthDevice()
	g.removeDevice()
	g.rename()
	g.resetPassword()
	g.disableAndEnable()
	g.deleteExtension()
}

type guide struct {
	*world

	x                  events.Extension
	page               string // of the extension
	admin, phone       *tab
	username, password string
}

func (g *guide) signIn() {
	g.admin = g.window()
	g.admin.open(g.url + "/")
	g.admin.sees("Administrators sign in with a one-time link")
	g.admin.shows("sign-in")
	link := g.link("Alex Kim")
	g.admin.open("about:blank")
	g.admin.open(link)
	g.admin.sees("It works once")
	if _, token, _ := strings.Cut(link, "#"); strings.Contains(g.admin.address(), token) {
		g.t.Error("the token stays in the address")
	}
	g.admin.click("main form button")
	g.admin.sees("No extensions yet")
	g.admin.shows("no-extensions")

	stranger := g.window()
	stranger.open(link)
	stranger.sees("It works once")
	stranger.click("main form button")
	stranger.sees("This link was used already")
	stranger.shows("sign-in-refused")
}

func (g *guide) addExtension() {
	g.admin.click("a.primary")
	g.admin.sees("Add an extension")
	g.admin.shows("add")
	g.admin.fill("#number", g.x.Number)
	g.admin.fill("#name", "Ann Lee")
	g.admin.click(".adding button.primary")
	g.admin.sees("The extension was added", "1001 · Ann Lee", "App off")
	g.page = g.admin.address()
}

func (g *guide) enable() {
	g.admin.fill("#email", "ann")
	g.admin.click("#enable button.primary")
	g.admin.sees("Enter a complete e-mail address")
	g.admin.shows("extension-fault")
	g.admin.fill("#email", "ann@example.com")
	g.admin.await("see the fault go", "!document.querySelector('#enable .fault') && !document.querySelector('#email').ariaInvalid")
	g.admin.click("[data-generate]")
	g.admin.shows("extension-off")
	generated := g.admin.value("#password")
	g.admin.click("#enable button.primary")
	g.admin.sees("The app is enabled", "App enabled", "No device has signed in yet")
	g.username, g.password = g.admin.text("#facts dd:nth-of-type(2)"), g.admin.text("#once output")
	if g.password != generated || len(g.password) != 23 {
		g.t.Errorf("the password %q was generated, %q is shown", generated, g.password)
	}
	var apart float64
	if g.admin.js("document.querySelector('#facts').getBoundingClientRect().top - document.querySelector('#once').getBoundingClientRect().bottom", &apart); apart < 16 {
		g.t.Errorf("the page goes on %g pixels below the password", apart)
	}
	g.admin.shows("enabled")
	if got := g.admin.address(); got != g.page {
		g.t.Errorf("the address is %s", got)
	}
}

func (g *guide) readMail() {
	mail := g.relay.Wait(1, patience)[0]
	body, _ := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(mail.Data))) // it ends at the pictures, which are not quoted
	for _, want := range []string{"/download/mac", "/download/iphone", "/download/windows", "/download/android", g.username} {
		if !bytes.Contains(body, []byte(want)) {
			g.t.Errorf("the e-mail lacks %s:\n%s", want, body)
		}
	}
	for _, said := range [][]byte{body, mail.Data} {
		if bytes.Contains(said, []byte(g.password)) {
			g.t.Error("the e-mail holds the password")
		}
	}
	g.admin.sees("Sent") // without a reload
}

// phoneSignsIn fills in the form of the softphone.
func (g *guide) phoneSignsIn(password string) {
	g.phone.fill("#username", g.username)
	g.phone.fill("#password", password)
	g.phone.click("#sign-in button")
}

func (g *guide) fourDevices() {
	g.phone = g.window()
	g.phone.open(g.url + "/softphone")
	g.phone.sees("Sign in as Browser 1")
	g.phone.shows("softphone-sign-in")
	g.phoneSignsIn("not the password at all")
	g.phone.sees("The username or the password is not right")
	g.phone.shows("softphone-refused")
	g.phoneSignsIn(g.password)
	g.phone.sees("Ann Lee", "Device 1 of 4")
	g.phone.shows("softphone-in")
	g.phone.reload()
	g.phone.sees("Ann Lee", "Device 1 of 4")
	g.phone.click("[data-do=sign-out]")
	g.phone.sees("Sign in as Browser 1")
	g.phoneSignsIn(g.password)
	g.phone.sees("Device 1 of 4") // it is known
	for _, seat := range []string{"Device 2 of 4", "Device 3 of 4", "Device 4 of 4"} {
		g.phone.click("[data-screen=in] [data-do=another]")
		g.phone.sees("Sign in as Browser " + seat[7:8])
		g.phoneSignsIn(g.password)
		g.phone.sees(seat)
		g.admin.sees(seat[7:]) // without a reload
	}
}

func (g *guide) fifthDevice() {
	g.phone.click("[data-screen=in] [data-do=another]")
	g.phone.sees("Sign in as Browser 5")
	g.phoneSignsIn(g.password)
	g.phone.sees("Device Activation Limit Reached", "All 4 seats", "Browser 1 on Linux", "Browser 4 on Linux")
	g.phone.await("see since when", "document.querySelectorAll('[data-list] time[title]').length == 4")
	g.phone.shows("softphone-limit")
	g.admin.sees("Every seat is taken")
	g.admin.shows("devices-full")
}

func (g *guide) removeDevice() {
	g.admin.click("#devices button")
	g.admin.sees("Its seat is free", "3 of 4")
	g.admin.await("hear it, and go on from there by keyboard", "document.activeElement.innerText.includes('Its seat is free')")
	g.phone.click("[data-do=again]")
	g.phone.sees("Device 4 of 4")
	g.admin.sees("4 of 4", "Browser 5 on Linux")
}

func (g *guide) rename() {
	g.phone.js("window.still = true", nil)
	g.admin.fill("#name", "Ann Lee (Sales)")
	g.admin.click(".finish button.primary")
	g.admin.sees("The name was saved", "Extensions")
	g.phone.sees("Ann Lee (Sales)")
	var still bool
	if g.phone.js("window.still === true", &still); !still {
		g.t.Error("the softphone was loaded again")
	}
	g.admin.sees("Ann Lee (Sales)", "4 of 4")
	g.admin.shows("extensions")
	g.admin.fill("#q", "nobody")
	g.admin.submit("#q")
	g.admin.sees("Nothing matches")
	g.admin.shows("nothing-found")
	g.admin.open(g.page)
}

func (g *guide) resetPassword() {
	g.admin.resetting()
	g.admin.shows("reset")
	g.admin.fill("#password", "too short")
	g.admin.click("#reset button.primary")
	g.admin.sees("The password has 9 characters")
	g.admin.shows("reset-fault")
	g.admin.click("#reset [data-generate]")
	g.admin.await("see the fault go", "!document.querySelector('#reset .fault')")
	mine := "nine purple lanterns over the harbor"
	g.admin.fill("#password", mine)
	g.admin.click("#reset button.primary")
	g.admin.sees("The password was changed", mine, "4 of 4")
	g.admin.shows("reset-done")
	old := g.password
	g.password = mine
	g.phone.sees("Device 4 of 4")
	g.phone.click("[data-screen=in] [data-do=sign-out]")
	g.phoneSignsIn(old)
	g.phone.sees("The username or the password is not right")
	g.phoneSignsIn(mine)
	g.phone.sees("Device 4 of 4")
	g.relay.Wait(2, patience) // the notice that it was changed
}

func (g *guide) disableAndEnable() {
	g.admin.open(g.page)
	g.admin.click("#disable summary")
	g.admin.shows("disable")
	g.admin.click("#disable button")
	g.admin.sees("The app was disabled", "App off")
	g.phone.sees("This device was signed out")
	g.phoneSignsIn(g.password)
	g.phone.sees("The username or the password is not right")
	g.admin.click("#enable button.primary") // with the address from before, and no password
	g.admin.sees("The app is enabled", "0 of 4")
	g.password = g.admin.text("#once output")
	for _, seat := range []string{"Device 1 of 4", "Device 2 of 4", "Device 3 of 4", "Device 4 of 4"} {
		g.phoneSignsIn(g.password)
		g.phone.sees(seat)
		g.phone.click("[data-screen=in] [data-do=another]")
	}
	g.phoneSignsIn(g.password)
	g.phone.sees("Device Activation Limit Reached")
}

func (g *guide) deleteExtension() {
	g.admin.click(".finish .apart")
	g.admin.sees("Delete 1001 · Ann Lee (Sales)?")
	g.admin.shows("delete")
	g.admin.click("main form button")
	g.admin.sees("The extension was deleted", "No extensions yet")
	g.admin.open(g.page)
	g.admin.sees("There is nothing here")
	g.admin.shows("not-found")
	g.admin.click(".account button")
	g.admin.sees("Administrators sign in with a one-time link")
}
