package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

func TestPostsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	form.Set("name", "Owned")
	for _, sent := range [][2]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}} {
		header, value := sent[0], sent[1]
		for _, path := range []string{receptionURL + "/save", receptionURL + "/enable", "/tenants/acme/add", "/sign-in", "/sign-out"} {
			r := b.request(t.Context(), path, form)
			r.Header.Set(header, value)
			b.read(r).wants(t, http.StatusForbidden, "This came from another site")
		}
	}
	if len(p.core.calls) != 0 {
		t.Errorf("it made %v", p.core.calls)
	}
	b.get(receptionURL).wants(t, http.StatusOK) // and nobody was signed out
}

// The address that browsers know the pages by is no other site, also where a proxy gives another
// Host and strips Sec-Fetch-Site. The Origin null stays another site's.
func TestPostsFromThePublicAddressAreTaken(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	form.Set("name", "Front desk")
	for origin, want := range map[string]int{
		"https://phones.example": http.StatusSeeOther, "null": http.StatusForbidden, "http://phones.example": http.StatusForbidden,
		"https://phones.example.evil.example": http.StatusForbidden, "https://phones.example:8443": http.StatusForbidden,
	} {
		r := b.request(t.Context(), receptionURL+"/save", form)
		r.Header.Set("Origin", origin)
		b.read(r).wants(t, want)
	}
	if n := p.core.called("Save"); n != 1 {
		t.Errorf("it was saved %d times", n)
	}
}

// Over plain http a browser drops the session's cookie: signing in there would use the link up and
// ask for another one. It is refused with the reason, and the link stays good.
func TestSignInOverPlainHTTPSaysWhy(t *testing.T) {
	t.Parallel()
	p := serve(t)
	link, err := web.NewSessions(p.client).Link(t.Context(), alex)
	if err != nil {
		t.Fatal(err)
	}
	post := func(host, origin string) answer {
		b := p.browser()
		r := b.request(t.Context(), "/sign-in", url.Values{"link": {link}})
		r.Host = host
		r.Header.Set("Origin", origin)
		return b.read(r)
	}
	const why = "Signing in does not work over plain http"
	for _, c := range [][2]string{
		{"192.0.2.7:8080", "http://192.0.2.7:8080"}, {"phones.example", "http://phones.example"},
		{"portal:8080", "http://phones.example"}, // through a proxy that gives another Host
	} {
		a := post(c[0], c[1])
		a.wants(t, http.StatusBadRequest, why)
		if !strings.Contains(a.body, "https://phones.example/sign-in") || !strings.Contains(a.body, "still good") {
			t.Errorf("%s does not say where to go:\n%s", c[1], text(a.body))
		}
	}
	post("portal:8080", "http://evil.example").wants(t, http.StatusForbidden, "This came from another site")
	post("127.0.0.1:8080", "http://127.0.0.1:8080").wants(t, http.StatusSeeOther) // and the link was good still
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "<script>alert(1)</script>"})
	p.core.history[reception] = []portal.Happened{{Sequence: 1, Event: "ExtensionRenamed", Text: portal.Phrase{"", "<script>alert(1)</script>"}}}
	b := p.signedIn(alex)
	for _, path := range []string{"/sign-in", "/softphone", "/tenants/acme", receptionURL, receptionURL + "/history", receptionURL + "/delete", "/nowhere", "/tenants/ACME"} {
		a := b.get(path)
		for name, want := range map[string]string{
			"Content-Security-Policy": "script-src 'self'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if !strings.Contains(a.Header.Get(name), want) {
				t.Errorf("%s: %s: %q", path, name, a.Header.Get(name))
			}
		}
		if got := a.Header.Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") || strings.Contains(got, "unsafe") {
			t.Errorf("%s: %s", path, got)
		}
		if found := regexp.MustCompile(`(?i)<script>| style=| on[a-z]+=|(src|href|action)="(https?:)?//[^1]`).FindString(a.body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		for _, asset := range regexp.MustCompile(`/static/[^"]+`).FindAllString(a.body, -1) {
			if got := b.get(asset); got.StatusCode != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %s", asset, got.Status)
			}
		}
	}
}
