package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

func TestLinkWorksOnceAndOnlyByPost(t *testing.T) {
	t.Parallel()
	p := serve(t)
	link, err := web.NewSessions(p.client).Link(t.Context(), alex)
	if err != nil {
		t.Fatal(err)
	}
	b := p.browser()
	b.get("/sign-in").wants(t, http.StatusOK, "One-time link") // a scanner that opens it uses nothing up
	first := b.post("/sign-in", url.Values{"link": {"https://portal.example/sign-in#" + link}})
	first.wants(t, http.StatusSeeOther)
	set := first.Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-session=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie %q lacks %s", set, want)
		}
	}
	if strings.Contains(set, "Domain") {
		t.Errorf("the cookie %q is for more than this host", set)
	}
	p.browser().post("/sign-in", url.Values{"link": {link}}).wants(t, http.StatusUnauthorized, "used already")
	for _, key := range p.redis.Keys() {
		token := strings.TrimPrefix(strings.Split(set, ";")[0], "__Host-session=")
		if value, _ := p.redis.Get(key); strings.Contains(key+value, token) || strings.Contains(key+value, link) {
			t.Errorf("Redis holds a token: %s", key)
		}
		if p.redis.TTL(key) == 0 {
			t.Errorf("%s never expires", key)
		}
	}
	late, err := web.NewSessions(p.client).Link(t.Context(), alex)
	if err != nil {
		t.Fatal(err)
	}
	p.redis.FastForward(web.LinkLife)
	p.browser().post("/sign-in", url.Values{"link": {late}}).wants(t, http.StatusUnauthorized, "too old")
}

func TestOnlyTheirOwnTenant(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	stranger := p.browser()
	other := p.signedIn(web.Administrator{Name: "Olga", Tenant: "umbrella"})
	everywhere := p.signedIn(web.Administrator{Name: "Root"})
	for _, path := range []string{"/tenants/acme", receptionURL, receptionURL + "/delete", receptionURL + "/events"} {
		if a := stranger.get(path); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/sign-in" {
			t.Errorf("GET %s without a session: %s", path, a.Status)
		}
		other.get(path).wants(t, http.StatusNotFound)
	}
	for _, action := range []string{"save", "enable", "disable", "password", "remove-device", "welcome-email", "delete"} {
		other.post(receptionURL+"/"+action, url.Values{"name": {"Mine"}, "email": {"o@example.com"}}).wants(t, http.StatusNotFound)
		stranger.post(receptionURL+"/"+action, url.Values{}).wants(t, http.StatusSeeOther)
	}
	if len(p.core.calls) != 0 {
		t.Errorf("a stranger made %v", p.core.calls)
	}
	everywhere.get("/").wants(t, http.StatusOK, "Which tenant?")
	everywhere.get("/tenants?tenant=acme").wants(t, http.StatusSeeOther)
	everywhere.get("/tenants/acme").wants(t, http.StatusOK, "Reception")
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	p := serve(t)
	b := p.signedIn(alex)
	b.get("/tenants/acme").wants(t, http.StatusOK, "No extensions yet")
	stolen := b.Jar.Cookies(b.request(t.Context(), "/", nil).URL)
	b.post("/sign-out", nil).wants(t, http.StatusSeeOther)
	b.Jar.SetCookies(b.request(t.Context(), "/", nil).URL, stolen)
	b.get("/tenants/acme").wants(t, http.StatusSeeOther)
}

// A session may end with a page open: who then changes something is told that nothing was
// changed; who only looks, and a page that does by itself, is not.
func TestSessionEndsBeforeAChange(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	const told = "nothing was changed"
	for name, c := range map[string]struct {
		method string
		itself bool
		want   bool
	}{
		"a change":       {http.MethodPost, false, true},
		"a look":         {http.MethodGet, false, false},
		"a page, itself": {http.MethodGet, true, false},
	} {
		b := p.signedIn(alex)
		p.redis.FastForward(25 * time.Hour)
		r := b.request(t.Context(), receptionURL+"/save", url.Values{"name": {"Front desk"}})
		if r.Method = c.method; c.itself {
			r.Header.Set("Sec-Fetch-Dest", "empty")
		}
		a := b.read(r)
		a.wants(t, http.StatusSeeOther)
		if page := b.get(a.Header.Get("Location")); strings.Contains(page.body, told) != c.want || !strings.Contains(page.body, "One-time link") {
			t.Errorf("after %s the page says\n%s", name, text(page.body))
		}
	}
	if n := p.core.called("Save"); n != 0 {
		t.Errorf("it was saved %d times", n)
	}
}

// A page that keeps itself current keeps nobody signed in.
func TestSessionEndsIdle(t *testing.T) {
	t.Parallel()
	p := serve(t)
	b := p.signedIn(alex)
	half := 5 * time.Hour
	p.redis.FastForward(half)
	b.get("/tenants/acme").wants(t, http.StatusOK) // a person
	p.redis.FastForward(half)
	r := b.request(t.Context(), "/tenants/acme", nil)
	r.Method = http.MethodGet
	r.Header.Set("Sec-Fetch-Dest", "empty")
	b.read(r).wants(t, http.StatusOK) // the page
	p.redis.FastForward(half)
	b.get("/tenants/acme").wants(t, http.StatusSeeOther)
}

// A browser has one session: the one it had before a new sign-in opens nothing any more.
func TestNewSignInEndsTheOldSession(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	address := b.request(t.Context(), "/", nil).URL
	old := b.Jar.Cookies(address)
	link, err := web.NewSessions(p.client).Link(t.Context(), alex)
	if err != nil {
		t.Fatal(err)
	}
	b.post("/sign-in", url.Values{"link": {"not one"}}).wants(t, http.StatusUnauthorized)
	b.get("/tenants/acme").wants(t, http.StatusOK) // still
	b.post("/sign-in", url.Values{"link": {link}}).wants(t, http.StatusSeeOther)
	b.get("/tenants/acme").wants(t, http.StatusOK)
	thief := p.browser()
	thief.Jar.SetCookies(address, old)
	thief.get("/tenants/acme").wants(t, http.StatusSeeOther)
}

// A page that follows an extension is told nothing once its session has ended: at once when
// the browser signs out, with the next beat when an operator ends it.
func TestStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *pages, b *browser){
		"sign-out":      func(_ *pages, b *browser) { b.post("/sign-out", nil).wants(t, http.StatusSeeOther) },
		"a new sign-in": func(p *pages, b *browser) { p.signIn(b, alex) },
		"an operator": func(p *pages, _ *browser) {
			sessions := web.NewSessions(p.client)
			all, err := sessions.List(t.Context())
			if err != nil || len(all) != 1 || all[0].Name != alex.Name || all[0].Tenant != "acme" || time.Since(all[0].Used) > time.Minute {
				t.Fatalf("the sessions: %+v, %v", all, err)
			}
			if err := sessions.End(t.Context(), all[0].ID); err != nil {
				t.Fatal(err)
			}
			if err := sessions.End(t.Context(), all[0].ID); !errors.Is(err, web.ErrNoSession) {
				t.Errorf("ended once more: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
			b := p.signedIn(alex)
			r := b.request(t.Context(), receptionURL+"/events", nil)
			r.Method = http.MethodGet
			response, err := b.Do(r)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("%v, %v", response, err)
			}
			defer response.Body.Close()
			ended := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, response.Body); ended <- err }()
			end(p, b)
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("the stream goes on")
			}
		})
	}
}

// The list has open sessions only, the oldest first.
func TestSessionsAreListed(t *testing.T) {
	t.Parallel()
	p := serve(t)
	sessions := web.NewSessions(p.client)
	names := func() (all []string) {
		t.Helper()
		listed, err := sessions.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range listed {
			all = append(all, s.Name)
		}
		return all
	}
	p.signedIn(alex)
	p.redis.FastForward(5 * time.Hour)
	bo := p.signedIn(web.Administrator{Name: "Bo"})
	if got := names(); !slices.Equal(got, []string{"Alex Kim", "Bo"}) {
		t.Errorf("%v", got)
	}
	p.redis.FastForward(5 * time.Hour)
	if got := names(); !slices.Equal(got, []string{"Bo"}) {
		t.Errorf("%v, after one has ended", got)
	}
	bo.post("/sign-out", nil).wants(t, http.StatusSeeOther)
	if got := names(); len(got) != 0 {
		t.Errorf("%v, after both have", got)
	}
}
