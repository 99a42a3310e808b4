package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/portal/web"
)

// browser is one visitor, without JavaScript.
type browser struct {
	*pages
	http.Client
}

func (p *pages) browser() *browser {
	b := &browser{pages: p, Client: *p.server.Client()}
	b.Jar, _ = cookiejar.New(nil)
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// signedIn is a visitor who used a one-time link.
func (p *pages) signedIn(who web.Administrator) *browser {
	p.t.Helper()
	b := p.browser()
	p.signIn(b, who)
	return b
}

// signIn uses a one-time link up.
func (p *pages) signIn(b *browser, who web.Administrator) {
	p.t.Helper()
	link, err := web.NewSessions(p.client).Link(p.t.Context(), who)
	if err != nil {
		p.t.Fatal(err)
	}
	if a := b.post("/sign-in", url.Values{"link": {link}}); a.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("sign-in: %s", a.Status)
	}
}

var alex = web.Administrator{Name: "Alex Kim", Tenant: "acme"}

// answer is one, read to its end.
type answer struct {
	*http.Response
	body string
}

func (b *browser) read(r *http.Request) answer {
	b.t.Helper()
	res, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res, string(body)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.server.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.read(r)
}

func (b *browser) request(ctx context.Context, path string, form url.Values) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	return b.read(b.request(b.t.Context(), path, form))
}

// form is a page's form as it is sent without a change.
func (b *browser) form(path string) url.Values {
	b.t.Helper()
	a := b.get(path)
	if a.StatusCode != http.StatusOK {
		b.t.Fatalf("GET %s: %s", path, a.Status)
	}
	form := url.Values{}
	for _, field := range regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		form.Set(field[1], field[2])
	}
	return form
}

func (a answer) wants(t *testing.T, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: %s, want %d", a.Request.Method, a.Request.URL.Path, a.Status, status)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s %s does not say %q:\n%s", a.Request.Method, a.Request.URL.Path, text, a.body)
		}
	}
}
