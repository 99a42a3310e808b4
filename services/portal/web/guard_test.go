package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/portal"
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

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "<script>alert(1)</script>"})
	b := p.signedIn(alex)
	for _, path := range []string{"/sign-in", "/softphone", "/tenants/acme", receptionURL, receptionURL + "/delete", "/nowhere", "/tenants/ACME"} {
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
