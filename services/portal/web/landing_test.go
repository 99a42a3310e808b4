package web_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// Whoever asks for a page, or posts from one, and has to sign in first, is there afterwards. The
// link is opened in a tab of its own.
func TestSignInLandsOnThePageAskedFor(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	for name, c := range map[string]struct {
		ask  func(b *browser)
		who  web.Administrator
		want string
	}{
		"a page":         {func(b *browser) { b.get(receptionURL) }, alex, receptionURL},
		"a search":       {func(b *browser) { b.get("/tenants/acme?q=Zo%C3%AB") }, alex, "/tenants/acme?q=Zo%C3%AB"},
		"a change":       {func(b *browser) { b.post(receptionURL+"/save", url.Values{"name": {"X"}}) }, alex, receptionURL},
		"a stream":       {func(b *browser) { b.get(receptionURL + "/events") }, alex, receptionURL},
		"nothing":        {func(*browser) {}, alex, "/"},
		"the first page": {func(b *browser) { b.get("/") }, alex, "/"},
		"no page":        {func(b *browser) { b.get("/nowhere") }, alex, "/"},
		"another tenant": {func(b *browser) { b.get(receptionURL) }, web.Administrator{Name: "Olga", Tenant: "umbrella"}, "/"},
		"the beginning":  {func(b *browser) { b.get("/tenants/acme-2") }, alex, "/"},
		"every tenant":   {func(b *browser) { b.get(receptionURL) }, web.Administrator{Name: "Root"}, receptionURL},
		"a page, itself": {func(b *browser) {
			r := b.request(t.Context(), receptionURL, nil)
			r.Method = http.MethodGet
			r.Header.Set("Sec-Fetch-Dest", "empty")
			b.read(r)
		}, alex, "/"},
	} {
		b := p.browser()
		c.ask(b)
		if got := land(t, p, b, c.who); got != c.want {
			t.Errorf("after asking for %s: %s, want %s", name, got, c.want)
		}
		if got := land(t, p, b, c.who); got != "/" {
			t.Errorf("after asking for %s, the second time: %s", name, got)
		}
	}
}

// The page is one of ours, whatever the cookie says: nobody is sent elsewhere.
func TestSignInLandsNowhereElse(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	for _, to := range []string{
		"https://evil.example/", "https://evil.example/tenants/acme", "//evil.example", "//evil.example/tenants/acme", "///evil.example",
		"/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example", "https:evil.example", "https:/tenants/acme",
		"javascript:alert(1)", "evil.example", "/tenants/acme\r\nSet-Cookie: a=b", "/tenants/../..//evil.example", "/tenants/acme/..//evil.example",
		"/tenants@evil.example", "/tenants\\@evil.example", "/sign-out", "/static/x", "", "%", "%2F%2Fevil.example",
	} {
		for _, value := range []string{to, url.QueryEscape(to)} {
			b := p.browser()
			b.Jar.SetCookies(b.request(t.Context(), "/", nil).URL, []*http.Cookie{{
				Name: "__Host-landing", Value: value, Path: "/", Secure: true, Expires: time.Now().Add(time.Hour),
			}})
			if got := land(t, p, b, web.Administrator{Name: "Root"}); got != "/" {
				t.Errorf("%q leads to %q", value, got)
			}
		}
	}
}

// land signs in, and returns where that leads.
func land(t *testing.T, p *pages, b *browser, who web.Administrator) string {
	t.Helper()
	link, err := web.NewSessions(p.client).Link(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	a := b.post("/sign-in", url.Values{"link": {link}})
	a.wants(t, http.StatusSeeOther)
	return a.Header.Get("Location")
}
