package mails

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/mycloudpbx/softphone/services/acceptance/chromiumtest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
	"github.com/mycloudpbx/softphone/services/mailer/letter/preview"
)

const patience = 2 * time.Minute // for one mail; it takes a second

// view is how somebody looks at a mail. One light and one dark are judged; the
// others differ from them in nothing that axe-core sees.
type view struct {
	name          string
	width, height int64
	scheme        string
	judged        bool
}

func views() []view {
	return []view{
		{"desktop-light", 1024, 1100, "light", true}, {"desktop-dark", 1024, 1100, "dark", false},
		{"phone-light", 375, 812, "light", false}, {"phone-dark", 375, 812, "dark", true},
	}
}

// looks is what a page in the browser says of itself.
type looks struct {
	Wide    bool // it has to be scrolled sideways
	Broken  []string
	Images  int
	Lang    string
	Dir     string
	Unknown []string // links that lead nowhere
	Ran     bool     // axe-core did, and found something right
	Passes  int      // of its rule on contrast
	Faults  []string // axe-core's
}

// look finds that out. A mail is no page: it is read within one, so the rules that
// want a page's landmarks are left out.
const look = `(async (judged) => {
	const images = [...document.images];
	await Promise.all(images.map(i => i.decode().catch(() => 0)));
	const r = !judged ? {passes: [], violations: [], incomplete: []} : await axe.run(document, {rules: {'region': {enabled: false}, 'landmark-one-main': {enabled: false}}});
	return {
		Wide: document.documentElement.scrollWidth > innerWidth,
		Broken: images.filter(i => !i.naturalWidth || !i.alt).map(i => i.outerHTML.slice(0, 80)),
		Images: images.length, Lang: document.documentElement.lang, Dir: getComputedStyle(document.querySelector('h1')).direction,
		Unknown: [...document.links].filter(a => !/^(https|mailto|tel):/.test(a.href) || !a.innerText.trim()).map(a => a.outerHTML),
		Ran: r.passes.length > 0, Passes: r.passes.filter(p => p.id === 'color-contrast').length,
		Faults: r.violations.concat(r.incomplete.filter(i => i.id === 'color-contrast')).map(v => v.id + ': ' + v.nodes.map(n => n.html + n.failureSummary).join('; ')),
	};
})`

// TestMails looks at every kind of mail in every language, of a brand with a logo,
// of none, and of one in Arabic with a color that is hard to read.
func TestMails(t *testing.T) {
	t.Parallel()
	brands, tenants := examples(t)
	site := httptest.NewServer(preview.Handler(func() (*letter.Brands, error) { return brands, nil }))
	defer site.Close()
	b := chromium(t)
	for _, tenant := range tenants {
		for _, sheet := range tenant.Sheets {
			path := tenant.Path(sheet)
			b.open(t, site.URL+"/"+path+".html")
			for _, view := range views() {
				seen := b.look(t, view)
				check(t, path, view, sheet, seen)
				if sheet.Locale == brands.Locales(tenant.Name)[0] {
					b.keep(t, "mail-"+strings.ReplaceAll(path, "/", "-")+"-"+view.name+".png")
				}
			}
		}
	}
}

func check(t *testing.T, path string, as view, sheet preview.Sheet, seen looks) {
	t.Helper()
	what := path + ", " + as.name
	if seen.Wide {
		t.Errorf("%s: it has to be scrolled sideways", what)
	}
	if len(seen.Broken) > 0 || seen.Images != strings.Count(sheet.HTML, "<img ") {
		t.Errorf("%s: %d pictures, broken or without words: %q", what, seen.Images, seen.Broken)
	}
	wantDir := "ltr"
	if sheet.Locale == "ar" {
		wantDir = "rtl"
	}
	if seen.Lang != sheet.Locale || seen.Dir != wantDir {
		t.Errorf("%s: it is in %q and runs %s", what, seen.Lang, seen.Dir)
	}
	if len(seen.Unknown) > 0 {
		t.Errorf("%s: links that lead nowhere: %q", what, seen.Unknown)
	}
	// Letters that join, as Arabic ones do, axe-core takes for an icon font and leaves out: of some mails nothing is left.
	if as.judged != (seen.Passes > 0 || seen.Ran && sheet.Locale == "ar") || len(seen.Faults) > 0 {
		t.Errorf("%s: axe-core saw text it could read: %d, and says %q", what, seen.Passes, seen.Faults)
	}
}

// The page that leads to the mails is one that people can use, too.
func TestIndex(t *testing.T) {
	t.Parallel()
	brands, _ := examples(t)
	site := httptest.NewServer(preview.Handler(func() (*letter.Brands, error) { return brands, nil }))
	defer site.Close()
	b := chromium(t)
	b.open(t, site.URL)
	for _, view := range views() {
		if seen := b.look(t, view); seen.Wide || view.judged != (seen.Passes > 0) || len(seen.Faults) > 0 {
			t.Errorf("%s: %+v", view.name, seen)
		}
		b.keep(t, "mail-index-"+view.name+".png")
	}
}

// A long name or word does not make a mail wider than a phone.
func TestLongWords(t *testing.T) {
	t.Parallel()
	brands, _ := examples(t)
	var html atomic.Value
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(html.Load().(string)))
	}))
	defer site.Close()
	b := chromium(t)
	for _, kind := range letter.Kinds() {
		long := strings.Repeat("Wolfeschlegelsteinhausenbergerdorff", 3)
		reading, err := brands.Read(letter.Letter{
			Kind: kind, Tenant: "acme", To: "anna@example.com", Name: long, Username: strings.ToLower(long), DeviceLimit: 4, CauseID: "long",
			Devices: []letter.Device{{Name: long, Platform: "other"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		html.Store(reading.HTML)
		b.open(t, site.URL)
		if seen := b.look(t, view{width: 375, height: 812, scheme: "light"}); seen.Wide {
			t.Errorf("%s has to be scrolled sideways", kind)
		}
		b.keep(t, "mail-long-"+string(kind)+".png")
	}
}

func examples(t *testing.T) (*letter.Brands, []preview.Tenant) {
	t.Helper()
	var c struct{ Mail letter.Config }
	if err := process.Parse(&c, []string{"MAIL_BRANDS=../../mailer/letter/testdata/brands"}); err != nil {
		t.Fatal(err)
	}
	brands, err := letter.Open(c.Mail)
	if err != nil {
		t.Fatal(err)
	}
	tenants, err := preview.Tenants(brands)
	if err != nil {
		t.Fatal(err)
	}
	return brands, tenants
}

// tab is a window of a browser.
type tab struct {
	ctx context.Context
	axe string
}

// chromium opens one, which ends with the test.
func chromium(t *testing.T) *tab {
	t.Helper()
	axe := chromiumtest.Axe(t)
	b := &tab{chromiumtest.Open(t, chromedp.WSURLReadTimeout(patience)), axe}
	b.do(t, page.SetBypassCSP(true)) // for axe-core, which is a script
	return b
}

func (b *tab) do(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromiumtest.Do(b.ctx, patience, actions...); err != nil {
		t.Fatal(err)
	}
}

func (b *tab) open(t *testing.T, url string) {
	t.Helper()
	b.do(t, chromedp.Navigate(url), chromedp.WaitReady("h1", chromedp.ByQuery), chromedp.Evaluate(b.axe+";0", nil))
}

func (b *tab) look(t *testing.T, as view) (seen looks) {
	t.Helper()
	var raw json.RawMessage
	b.do(t,
		emulation.SetDeviceMetricsOverride(as.width, as.height, 1, as.width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: as.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}),
		chromedp.Evaluate(fmt.Sprintf("%s(%t)", look, as.judged), &raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	if err := json.Unmarshal(raw, &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

// keep keeps how the window looks.
func (b *tab) keep(t *testing.T, name string) {
	t.Helper()
	var picture []byte
	b.do(t, chromedp.FullScreenshot(&picture, 100))
	chromiumtest.Keep(t, name, picture)
}
