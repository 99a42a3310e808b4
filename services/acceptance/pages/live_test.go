package pages

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/page"

	"github.com/mycloudpbx/softphone/services/portal"
)

// TestManyTabs opens more tabs than a browser has connections for. Each is answered, and
// one that was behind the others is up to date when it is in front again.
func TestManyTabs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x, address := w.extension("7001", "Reception")
	first := w.administrator("Alex Kim")
	first.open(address)
	for range 7 {
		next := first.another()
		next.open(address)
		next.sees("7001 ·")
	}
	if _, err := w.Service.Save(acting(t.Context(), "Alex Kim"), x, portal.Any, "Front desk"); err != nil {
		t.Fatal(err)
	}
	first.do(page.BringToFront())
	first.sees("7001 · Front desk")
}

// TestStreamRefused has something in between refuse the stream of changes, which for a
// browser is final. The page asks again.
func TestStreamRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x, _ := w.extension("7001", "Reception")
	target, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	var refused atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") && refused.CompareAndSwap(false, true) {
			http.Error(rw, "restarting", http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.CloseClientConnections)
	b := w.administrator("Alex Kim")
	b.open(server.URL + "/tenants/acme/extensions/7001")
	w.Eventually("the stream is refused", refused.Load)
	if _, err := w.Service.Save(acting(t.Context(), "Alex Kim"), x, portal.Any, "Front desk"); err != nil {
		t.Fatal(err)
	}
	b.sees("7001 · Front desk")
}

// TestSessionEndsElsewhere signs out beside an open page, which then claims nothing about
// an app that nobody touched.
func TestSessionEndsElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, address := w.extension("7001", "Reception")
	b := w.administrator("Alex Kim")
	b.open(w.url + "/tenants/acme")
	b.do(page.BringToFront())
	behind := b.another()
	behind.open(address)
	behind.sees("App off")
	b.click(".account button")
	b.sees("Sign in")
	behind.do(page.BringToFront())
	// The page looks whenever it is told to, unless it is looking; the third look begins when it has done with the answer
	// to the second, which is of after the session's end.
	behind.js("window.looks = () => performance.getEntriesByType('resource').filter(e => e.initiatorType === 'xmlhttprequest').length, "+
		"window.before = looks(), 0", nil)
	behind.await("see the page look again and again", "document.dispatchEvent(new Event('visibilitychange')), looks() >= before + 3")
	var hidden bool
	if behind.js("document.querySelector('#changed').hidden", &hidden); !hidden {
		t.Errorf("the page claims a change\n%s", behind.screen())
	}
}
