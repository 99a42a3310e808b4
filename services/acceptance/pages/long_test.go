package pages

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

// TestLongNumber has the longest number there may be: it stays in its place, and nothing
// is written across it, on a desk and on a phone.
func TestLongNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, address := w.extension(strings.Repeat("8", 32), "Reception")
	b := w.administrator("Alex Kim")
	for _, width := range []int64{1280, 390} {
		b.do(emulation.SetDeviceMetricsOverride(width, 860, 1, false))
		for url, selector := range map[string]string{address: ".figure", w.url + "/tenants/acme": "td.number"} {
			b.eventually(url, strings.Repeat("8", 32))
			var beyond int
			if b.js("(e => e.scrollWidth - e.clientWidth)(document.querySelector("+quoted(selector)+"))", &beyond); beyond > 0 {
				t.Errorf("%s, %d wide: the number is %d pixels beyond its place", selector, width, beyond)
			}
		}
	}
}
