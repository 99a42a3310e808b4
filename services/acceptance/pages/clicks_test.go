package pages

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// TestClicks is what else people do with the pages: at once, twice, from elsewhere.
func TestClicks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	t.Run("two administrators at once", w.testTwoAdministrators)
	t.Run("double click", w.testDoubleClick)
	t.Run("without JavaScript", w.testNoScript)
	t.Run("app left off", w.testAppLeftOff)
	t.Run("copy", w.testCopy)
	t.Run("suggestion", w.testSuggestion)
	t.Run("two softphones", w.testTwoSoftphones)
	t.Run("from another site", w.testOtherSite)
}

// in is the world for a subtest.
func (w *world) in(t *testing.T) *world {
	t.Helper()
	inner := *w
	inner.t = t
	return &inner
}

func (w *world) testTwoAdministrators(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	x, page := w.extension("2001", "Reception")
	alex, bo := w.administrator("Alex Kim"), w.administrator("Bo Ek")
	alex.open(page)
	bo.open(page)
	bo.fill("#name", "Front desk")
	alex.fill("#name", "Lobby")
	alex.click(".finish button.primary")
	alex.sees("The name was saved")
	bo.sees("2001 · Lobby") // at once, and what was typed stays
	bo.click(".finish button.primary")
	bo.sees("Alex Kim renamed the extension meanwhile", "Your change was not made")
	if got := bo.value("#name"); got != "Front desk" {
		t.Errorf("the name field holds %q", got)
	}
	bo.shows("conflict")
	bo.click(".finish button.primary") // now knowingly
	bo.sees("The name was saved", "Front desk")

	alex.open(page)
	bo.open(page)
	alex.fill("#email", "reception@example.com")
	alex.click("#enable button.primary")
	alex.sees("The app is enabled")
	bo.sees("The app was turned on or off elsewhere")
	bo.fill("#email", "bo@example.com")
	bo.click("#enable button.primary")
	bo.sees("Alex Kim enabled the app meanwhile", "App enabled", "reception@example.com")
	if n := w.facts(x, events.SoftphoneEnabled{}); n != 1 {
		t.Errorf("it was enabled %d times", n)
	}
	// A device that signs in is no change of an administrator's.
	password := w.reset(x)
	alex.open(page)
	w.signIn(x, password, "laptop")
	alex.sees("1 of 4")
	alex.fill("#name", "Reception")
	alex.click(".finish button.primary")
	alex.sees("The name was saved")
}

// reset gives an extension a password that the test knows.
func (w *world) reset(x events.Extension) string {
	w.t.Helper()
	made, err := w.Service.ResetPassword(acting(w.t.Context(), "Alex Kim"), x, portal.Any, "", false)
	if err != nil {
		w.t.Fatal(err)
	}
	return made.Password.Reveal()
}

func (w *world) testDoubleClick(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	x, page := w.extension("2002", "Reception")
	b := w.administrator("Alex Kim")
	b.open(page)
	b.fill("#email", "reception@example.com")
	b.doubleClick("#enable button.primary")
	b.sees("The app is enabled", "This is the only time it is shown")
	if n := w.facts(x, events.SoftphoneEnabled{}); n != 1 {
		t.Errorf("it was enabled %d times", n)
	}
	before := w.facts(x, events.ExtensionRenamed{})
	b.fill("#name", "Front desk")
	b.doubleClick(".finish button.primary")
	b.sees("The name was saved", "Front desk")
	if n := w.facts(x, events.ExtensionRenamed{}) - before; n != 1 {
		t.Errorf("it was renamed %d times", n)
	}
}

// Without JavaScript nothing holds a second click back, and the browser shows the
// answer to it. It is done once all the same.
func (w *world) testNoScript(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	x, page := w.extension("2003", "Reception")
	b := w.administrator("Alex Kim")
	b.noScript()
	b.open(page)
	b.fill("#email", "reception@example.com")
	b.click("#enable button.primary")
	b.sees("The app is enabled", "0 of 4")
	password := b.text("#once output")
	w.signIn(x, password, "laptop")
	b.open(page)
	b.sees("1 of 4")
	b.click("#devices button")
	b.sees("Its seat is free", "0 of 4")
	b.click("#reset summary")
	b.doubleClick("#reset button.primary")
	b.await("see what became of it", "document.querySelector('#once') || document.body.innerText.includes('That was done already')")
	if n := w.facts(x, events.SoftphonePasswordReset{}); n != 1 {
		t.Errorf("the password was reset %d times", n)
	}
	b.open(page)
	b.click("#disable summary")
	b.click("#disable button")
	b.sees("The app was disabled", "App off")
	b.fill("#name", "Front desk")
	b.click(".finish button.primary")
	b.sees("The name was saved", "Front desk")
}

// Save and Close is held back once when a password was entered and never used.
func (w *world) testAppLeftOff(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	x, page := w.extension("2004", "Reception")
	b := w.administrator("Alex Kim")
	b.open(page)
	b.fill("#email", "reception@example.com")
	b.click("[data-generate]")
	b.click(".finish button.primary")
	b.sees("The app is still off")
	b.shows("extension-left-off")
	b.click(".finish button.primary")
	b.sees("Last e-mail", "Reception")
	b.open(page)
	b.fill("#name", "Front desk")
	b.fill("#email", "reception@example.com")
	b.click("#enable button.primary") // and the name that was typed is still there
	b.sees("The app is enabled")
	if got := b.value("#name"); got != "Front desk" {
		t.Errorf("the name field holds %q", got)
	}
	if n := w.facts(x, events.SoftphoneEnabled{}); n != 1 {
		t.Errorf("it was enabled %d times", n)
	}
}

func (w *world) testCopy(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	_, page := w.extension("2005", "Reception")
	b := w.administrator("Alex Kim")
	b.open(page)
	b.js("navigator.clipboard.writeText = async (text) => { window.copied = text }", nil)
	b.click("[data-generate]")
	b.click("#enable [data-copy]")
	b.await("hear that it was copied", "document.querySelector('#news').textContent == 'The password was copied.'")
	var copied string
	b.js("window.copied", &copied)
	if shown := b.value("#password"); copied != shown || len(copied) != 23 {
		t.Errorf("copied %q of %q", copied, shown)
	}
	b.click("[data-show]")
	b.await("see dots", "document.querySelector('#password').type == 'password'")
	b.click("[data-show]")
	b.await("see the password", "document.querySelector('#password').type == 'text'")
}

// A password is suggested with the click that opens the form, not a moment later into
// what somebody types by then; and what was typed stays.
func (w *world) testSuggestion(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	x, page := w.extension("2007", "Reception")
	if _, err := w.Service.Enable(acting(t.Context(), "Alex Kim"), x, portal.Any, "reception@example.com", ""); err != nil {
		t.Fatal(err)
	}
	b := w.administrator("Alex Kim")
	b.open(page)
	const click = "document.querySelector('#reset summary').click(), document.querySelector('#reset #password').value"
	var suggested string
	if b.js(click, &suggested); len(suggested) != 23 {
		t.Errorf("with the click %q is suggested", suggested)
	}
	mine := "nine purple lanterns over the harbor"
	b.fill("#password", mine)
	for _, what := range []string{"closing", "opening"} {
		var left string
		if b.js(click, &left); left != mine {
			t.Errorf("%s the form makes %q of what was typed", what, left)
		}
	}
	// By keyboard too.
	b.reload()
	b.js("document.querySelector('#reset summary').focus()", nil)
	b.submit("#reset summary")
	b.await("see a suggestion", "document.querySelector('#reset').open && document.querySelector('#password').value.length == 23")
}

// Two tabs of a browser are one softphone: what one is, so is the other.
func (w *world) testTwoSoftphones(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	x, _ := w.extension("2008", "Reception")
	e, err := w.Service.Enable(acting(t.Context(), "Alex Kim"), x, portal.Any, "reception@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	first := w.window()
	first.open(w.url + "/softphone")
	first.sees("Sign in as Browser 1")
	second := first.another()
	second.open(w.url + "/softphone")
	second.sees("Sign in as Browser 1")
	signIn := func(b *tab) {
		b.fill("#username", e.Username)
		b.fill("#password", e.Password.Reveal())
		b.click("#sign-in button")
	}
	signIn(second)
	second.sees("Device 1 of 4")
	first.do(page.BringToFront())
	first.sees("Device 1 of 4")
	first.click("[data-screen=in] [data-do=another]")
	first.sees("Sign in as Browser 2")
	second.do(page.BringToFront())
	second.sees("Sign in as Browser 2")
	signIn(second)
	second.sees("Device 2 of 4")
	first.do(page.BringToFront())
	first.sees("Device 2 of 4")
}

// Another site can make a browser send a form; it is refused, though the cookie
// goes along.
func (w *world) testOtherSite(t *testing.T) {
	t.Parallel()
	w = w.in(t)
	x, page := w.extension("2006", "Reception")
	b := w.administrator("Alex Kim")
	evil := httptest.NewServer(http.HandlerFunc(func(o http.ResponseWriter, _ *http.Request) {
		o.Header().Set("Content-Type", "text/html")
		_, _ = o.Write([]byte(`<form method="post" action="` + page + `/enable"><input name="email" value="evil@example.com"><input name="once" value="x"><button>Win</button></form>`))
	}))
	defer evil.Close()
	for _, from := range []string{evil.URL, strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)} {
		b.open(from)
		b.click("button")
		b.sees("This came from another site", "Nothing was changed")
	}
	b.shows("refused")
	if n := w.facts(x, events.SoftphoneEnabled{}); n != 0 {
		t.Errorf("it was enabled %d times", n)
	}
	b.open(page)
	b.sees("App off")
}
