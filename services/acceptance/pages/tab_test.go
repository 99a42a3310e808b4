package pages

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/mycloudpbx/softphone/services/acceptance/chromiumtest"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

const patience = time.Minute

func TestMain(m *testing.M) { servertest.Main(m, nil) }

// tab is a window of a browser: what a person has before them. Windows share
// nothing, as those of two people.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// window opens one in a new Chromium, which ends with the test.
func (w *world) window(more ...chromedp.ExecAllocatorOption) *tab {
	w.t.Helper()
	return newTab(chromiumtest.Open(w.t, append([]chromedp.ExecAllocatorOption{chromedp.WindowSize(1280, 860)}, more...)...), w.t)
}

// another opens a window beside this one, in the same profile: it shares its
// cookies and what pages keep.
func (b *tab) another() *tab {
	b.t.Helper()
	ctx, closeWindow := chromedp.NewContext(b.ctx)
	b.t.Cleanup(closeWindow)
	return newTab(ctx, b.t)
}

func newTab(ctx context.Context, t *testing.T) *tab {
	t.Helper()
	b := &tab{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		if failed, is := event.(*runtime.EventExceptionThrown); is {
			t.Errorf("a script failed: %v", failed.ExceptionDetails)
		}
	})
	b.do()
	return b
}

// do does things in the browser.
func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromiumtest.Do(b.ctx, patience, actions...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.screen())
	}
}

// screen is what is to be read in the window, for a failed test.
func (b *tab) screen() string {
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	var text string
	_ = chromedp.Run(ctx, chromedp.Evaluate("location.href + '\\n' + document.body.innerText", &text))
	return text
}

func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// status opens a page and returns how it was answered.
func (b *tab) status(url string) int {
	b.t.Helper()
	var response *network.Response
	err := errors.New("the browser does not come to an end")
	done := make(chan struct{})
	go func() {
		defer close(done)
		response, err = chromedp.RunResponse(b.ctx, chromedp.Navigate(url))
	}()
	select {
	case <-done:
	case <-time.After(patience):
	}
	if err != nil || response == nil {
		b.t.Fatalf("%s: %v", url, err)
	}
	return int(response.Status)
}

// eventually opens a page again and again until it says something.
func (b *tab) eventually(url, text string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var said bool
		b.open(url)
		if b.js("document.body.innerText.includes("+quoted(text)+")", &said); said {
			return
		}
	}
	b.t.Fatalf("%s does not say %q\n%s", url, text, b.screen())
}

// js evaluates an expression.
func (b *tab) js(expression string, result any) {
	b.t.Helper()
	b.do(chromedp.Evaluate(expression, result))
}

// sees waits until all of some text can be read.
func (b *tab) sees(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.await("see "+quoted(text), "document.body.innerText.includes("+quoted(text)+")")
	}
}

// await waits until an expression is true. Between two pages there is none.
func (b *tab) await(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(25 * time.Millisecond) {
		var so bool
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		err := chromedp.Run(ctx, chromedp.Evaluate("!!document.body && document.readyState === 'complete' && !!("+expression+")", &so))
		cancel()
		switch {
		case so:
			return
		case time.Now().After(end):
			b.t.Fatalf("the person did not %s (%v)\n%s", what, err, b.screen())
		}
	}
}

func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// doubleClick is what a hasty person does: two clicks on the same spot, without
// looking in between.
func (b *tab) doubleClick(selector string) {
	b.t.Helper()
	b.do(chromedp.ScrollIntoView(selector, chromedp.ByQuery))
	var at struct{ X, Y float64 }
	b.js("(r => ({X: r.x + r.width / 2, Y: r.y + r.height / 2}))(document.querySelector("+quoted(selector)+").getBoundingClientRect())", &at)
	b.do(chromedp.MouseClickXY(at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y))
}

// fill types over what a field holds.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(selector, chromedp.ByQuery))
	b.js("document.querySelector("+quoted(selector)+").select()", nil)
	b.do(chromedp.SendKeys(selector, "\b"+text, chromedp.ByQuery))
	if got := b.value(selector); got != text {
		b.t.Fatalf("%s holds %q after %q was typed", selector, got, text)
	}
}

// resetting opens Reset Password, with the suggestion that comes with it.
func (b *tab) resetting() {
	b.t.Helper()
	b.click("#reset summary")
	b.await("see a suggestion", "document.querySelector('#password').value.length == 23")
}

func (b *tab) value(selector string) (value string) {
	b.t.Helper()
	b.js("document.querySelector("+quoted(selector)+").value", &value)
	return value
}

func (b *tab) text(selector string) (text string) {
	b.t.Helper()
	b.await("see "+selector, "document.querySelector("+quoted(selector)+")")
	b.js("document.querySelector("+quoted(selector)+").innerText", &text)
	return strings.TrimSpace(text)
}

// address is what the browser shows above the page.
func (b *tab) address() (url string) {
	b.t.Helper()
	b.do(chromedp.Location(&url))
	return url
}

// submit is the Enter key.
func (b *tab) submit(selector string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(selector, "\r", chromedp.ByQuery))
}

// holds tells whether a text is anywhere in the page, seen or not.
func (b *tab) holds(text string) (found bool) {
	b.t.Helper()
	b.js("document.documentElement.outerHTML.includes("+quoted(text)+") || [...document.querySelectorAll('input')].some(i => i.value.includes("+
		quoted(text)+")) || location.href.includes("+quoted(text)+")", &found)
	return found
}

// noScript turns JavaScript off, for pages opened from now on.
func (b *tab) noScript() {
	b.t.Helper()
	b.do(emulation.SetScriptExecutionDisabled(true))
}

// shows keeps how the window looks, light and dark, on a desk and on a phone, and
// lets axe-core judge each.
func (b *tab) shows(name string) {
	b.t.Helper()
	b.do(chromedp.WaitReady("main", chromedp.ByQuery))
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 860}, {"phone", 390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			var picture []byte
			b.do(
				emulation.SetDeviceMetricsOverride(size.width, size.height, 1, size.name == "phone"),
				emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
					{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
				}),
				chromedp.FullScreenshot(&picture, 100),
			)
			chromiumtest.Keep(b.t, name+"-"+size.name+"-"+scheme+".png", picture)
			b.judge(name + ", " + size.name + ", " + scheme)
			var wide bool
			if b.js("document.documentElement.scrollWidth > innerWidth", &wide); wide {
				b.t.Errorf("%s, %s: it is wider than the window", name, size.name)
			}
		}
	}
	b.do(emulation.ClearDeviceMetricsOverride())
}

// judge fails for everything axe-core finds.
func (b *tab) judge(what string) {
	b.t.Helper()
	var found struct {
		Passes     int
		Violations []struct {
			ID, Help string
			Nodes    []struct{ HTML, FailureSummary string }
		}
	}
	b.js("window.axe ? 0 : (() => {"+chromiumtest.Axe(b.t)+"\n})(), 0", nil)
	b.do(chromedp.Evaluate("axe.run().then(r => ({Passes: r.passes.length, Violations: r.violations.map(v => ({ID: v.id, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))}))}))",
		&found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if found.Passes == 0 {
		b.t.Errorf("axe-core, %s: it looked at nothing", what)
	}
	for _, f := range found.Violations {
		b.t.Errorf("axe-core, %s: %s: %s\n%+v", what, f.ID, f.Help, f.Nodes)
	}
}

// reload and back are the browser's buttons.
func (b *tab) reload() {
	b.t.Helper()
	b.do(chromedp.Reload())
}

func (b *tab) back() {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		current, entries, err := page.GetNavigationHistory().Do(ctx)
		if err != nil {
			return err
		}
		return page.NavigateToHistoryEntry(entries[current-1].ID).Do(ctx)
	}))
}

func quoted(text string) string {
	q, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(q)
}
