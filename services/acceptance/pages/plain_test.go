package pages

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// older is a proxy that makes a browser one of before Sec-Fetch-Site, and asks the portal under another name than the
// browser asks the proxy.
type older struct {
	address string

	mu      sync.Mutex
	origins []string // of the posts
}

func newOlder(t *testing.T) *older {
	t.Helper()
	return &older{address: strings.Replace(servertest.Address(t), "127.0.0.1", "localhost", 1)}
}

// serve begins; what came before it found nobody.
func (o *older) serve(t *testing.T, to string) {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if r.In.Method == http.MethodPost {
			o.mu.Lock()
			o.origins = append(o.origins, r.In.Header.Get("Origin"))
			o.mu.Unlock()
		}
		r.SetURL(target) // and the portal's own Host
		for name := range r.Out.Header {
			if strings.HasPrefix(name, "Sec-Fetch-") {
				r.Out.Header.Del(name)
			}
		}
	}}
	l, err := net.Listen("tcp", strings.Replace(o.address, "localhost", "127.0.0.1", 1))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: proxy}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

func (o *older) posted() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.origins...)
}

// TestPlainHTTP has a browser that sends no Sec-Fetch-Site, on pages without TLS. On its own machine everything works,
// as SOFTPHONE_HTTP_URL names where the pages are. Under another name, the softphone works too, and an administrator's
// sign-in, which a browser does not keep there, says so and where it works.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	proxy := newOlder(t)
	here := "http://" + proxy.address
	w := newWorldMailing(t, servertest.SMTPScript{}, "SOFTPHONE_HTTP_URL="+here)
	direct := w.url
	proxy.serve(t, direct)
	x, _ := w.extension("7001", "Uma Day")

	w.url = here
	alex := w.administrator("Alex Kim")
	alex.open(here + "/tenants/acme/extensions/7001")
	alex.fill("#email", "uma@example.com")
	alex.click("#enable button.primary")
	alex.sees("The app is enabled")
	password := alex.text("#once output")
	if n := w.facts(x, events.SoftphoneEnabled{}); n != 1 {
		t.Errorf("it was enabled %d times", n)
	}
	posts := proxy.posted()
	for _, origin := range posts {
		if origin != here {
			t.Errorf("a post with the origin %q", origin)
		}
	}
	if len(posts) < 2 {
		t.Errorf("%d posts came through the proxy", len(posts))
	}

	_, port, _ := net.SplitHostPort(strings.TrimPrefix(direct, "http://"))
	w.url = "http://portal.example:" + port
	uma := w.window(chromedp.Flag("host-resolver-rules", "MAP portal.example 127.0.0.1"))
	link := w.link("Bo Lin")
	uma.open(link)
	uma.sees("It works once")
	var secure bool
	if uma.js("isSecureContext || 'randomUUID' in crypto", &secure); secure {
		t.Error("the page is in a secure context: the test tries nothing")
	}
	uma.click("main form button")
	uma.sees("Signing in does not work over plain http", "over https, or "+here+"/sign-in on the machine that it runs on", "The link is still good")
	uma.shows("sign-in-plain-http")

	uma.open(w.url + "/softphone")
	uma.sees("Softphone", "Sign in as")
	uma.fill("#username", portal.Username(x))
	uma.fill("#password", password)
	uma.submit("#password")
	uma.sees("Uma Day", "Ready for calls", "Device 1 of 4")
	uma.shows("softphone-plain-http")

	bo := w.window()
	bo.open(strings.Replace(link, w.url, here, 1))
	bo.sees("It works once")
	bo.click("main form button")
	bo.sees("Extensions")
}
