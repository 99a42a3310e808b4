package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

var reception = events.Extension{Tenant: "acme", Number: "1003"}

const receptionURL = "/tenants/acme/extensions/1003"

// pages are the site in front of a stand-in core.
type pages struct {
	t      *testing.T
	core   *core
	redis  *miniredis.Miniredis
	client redis.UniversalClient
	server *httptest.Server
	log    lines
}

type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func serve(t *testing.T, all ...portal.Details) *pages {
	t.Helper()
	p := &pages{t: t, core: newCore(all...), redis: miniredis.RunT(t)}
	p.client = redis.NewClient(&redis.Options{Addr: p.redis.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = p.client.Close() })
	handler, err := web.New(t.Context(), web.Config{Core: p.core, Redis: p.client, Log: zerolog.New(&p.log), Inbox: "http://127.0.0.1:8025"})
	if err != nil {
		t.Fatal(err)
	}
	p.server = httptest.NewTLSServer(handler)
	t.Cleanup(p.server.Close)
	return p
}

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
	link, err := web.NewSessions(p.client).Link(p.t.Context(), who)
	if err != nil {
		p.t.Fatal(err)
	}
	b := p.browser()
	if a := b.post("/sign-in", url.Values{"link": {link}}); a.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("sign-in: %s", a.Status)
	}
	return b
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

func TestPasswordIsShownOnce(t *testing.T) {
	t.Parallel()
	for action, on := range map[string]bool{"enable": false, "password": true} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: on, Limit: 4})
			b := p.signedIn(alex)
			form := b.form(receptionURL)
			form.Set("email", "ann@example.com")
			form.Set("typed-name", "Front desk")
			first := b.post(receptionURL+"/"+action, form)
			first.wants(t, http.StatusOK, made, "1003@acme", `value="Front desk"`)
			if got := first.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control: %s", got)
			}
			for what, a := range map[string]answer{
				"the same post":    b.post(receptionURL+"/"+action, form),
				"the page":         b.get(receptionURL),
				"its address":      b.get(receptionURL + "/" + action),
				"the list":         b.get("/tenants/acme"),
				"the way to leave": b.get(receptionURL + "/delete"),
			} {
				if strings.Contains(a.body, made) || a.StatusCode >= 400 {
					t.Errorf("%s: %s\n%s", what, a.Status, a.body)
				}
			}
			if n := p.core.called(map[string]string{"enable": "Enable", "password": "ResetPassword"}[action]); n != 1 {
				t.Errorf("done %d times", n)
			}
			for _, key := range p.redis.Keys() {
				if value, _ := p.redis.Get(key); strings.Contains(key+value, made) {
					t.Errorf("%s holds the password", key)
				}
			}
			if strings.Contains(p.log.String(), made) {
				t.Error("the log holds the password")
			}
		})
	}
}

// The page may not be readable after the change; the password is all the same.
func TestPasswordSurvivesAPageThatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	form.Set("email", "ann@example.com")
	p.core.failGet = portal.ErrTryAgain
	b.post(receptionURL+"/enable", form).wants(t, http.StatusOK, made, "App enabled")
}

func TestDoubleClickDoesItOnce(t *testing.T) {
	t.Parallel()
	for action, called := range map[string]string{"enable": "Enable", "save": "Save", "welcome-email": "SendWelcome", "delete": "Delete"} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
			b := p.signedIn(alex)
			form := b.form(receptionURL)
			form.Set("email", "ann@example.com")
			form.Set("name", "Front desk")
			p.core.slow = make(chan struct{})
			answers := make(chan answer, 2)
			for range 2 {
				go func() { answers <- b.post(receptionURL+"/"+action, form) }()
			}
			for p.core.called(called) == 0 {
				time.Sleep(time.Millisecond)
			}
			select {
			case a := <-answers:
				t.Errorf("answered before it was done: %s", a.Status)
			case <-time.After(300 * time.Millisecond): // long enough for the second to look twice
			}
			close(p.core.slow)
			passwords := 0
			for range 2 {
				a := <-answers
				if a.StatusCode >= 400 {
					t.Errorf("%s\n%s", a.Status, a.body)
				}
				passwords += strings.Count(a.body, made)
			}
			if want := strings.Count("enable", action); passwords != want {
				t.Errorf("the password is shown %d times, want %d", passwords, want)
			}
			if n := p.core.called(called); n != 1 {
				t.Errorf("done %d times", n)
			}
		})
	}
}

// A change goes on when the browser that asked is gone.
func TestClosedBrowserLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	form.Set("name", "Front desk")
	p.core.slow = make(chan struct{})
	ctx, closeWindow := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := b.Do(b.request(ctx, receptionURL+"/save", form))
		gone <- err
	}()
	for p.core.called("Save") == 0 {
		time.Sleep(time.Millisecond)
	}
	closeWindow()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(p.core.slow)
	for b.form(receptionURL).Get("was") != "Front desk" {
		time.Sleep(time.Millisecond)
	}
}

func TestSecondAdministratorIsTold(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	if _, err := p.core.Save(t.Context(), reception, portal.Any, "Lobby"); err != nil {
		t.Fatal(err)
	}
	form.Set("name", "Front desk")
	a := b.post(receptionURL+"/save", form)
	a.wants(t, http.StatusConflict, "Bob renamed the extension meanwhile", "1003 · Lobby", `value="Front desk"`)
	again := b.form(receptionURL)
	again.Set("name", "Front desk")
	b.post(receptionURL+"/save", again).wants(t, http.StatusSeeOther)
	// What was only looked at is no change, however old the look is.
	form.Set("was", "Lobby")
	form.Set("name", "Lobby")
	form.Set("once", "another")
	b.post(receptionURL+"/save", form).wants(t, http.StatusSeeOther)
	// And a form without a version changes nothing.
	b.post(receptionURL+"/save", url.Values{"name": {"Hall"}, "once": {"x"}}).wants(t, http.StatusConflict)
}

func TestFaultsStandAtTheirFields(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"},
		portal.Details{Extension: events.Extension{Tenant: "acme", Number: "1004"}, Enabled: true})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	form.Set("email", "ann")
	a := b.post(receptionURL+"/enable", form)
	a.wants(t, http.StatusBadRequest, "Enter a complete e-mail address", `value="ann"`, `aria-invalid="true"`)
	form.Set("email", "ann@example.com")
	b.post(receptionURL+"/enable", form).wants(t, http.StatusOK, made) // the token of a post that failed is good again

	form = b.form("/tenants/acme/extensions/1004")
	form.Set("password", "short")
	b.post("/tenants/acme/extensions/1004/password", form).wants(t, http.StatusBadRequest, "The password is too short", `<details class="action" id="reset" name="action" open>`)

	for number, want := range map[string]struct {
		status int
		text   string
	}{
		"":      {http.StatusBadRequest, "Use 1 to 32"},
		"10 03": {http.StatusBadRequest, "Use 1 to 32"},
		"1003":  {http.StatusConflict, "There is an extension 1003 already"},
		"1005":  {http.StatusSeeOther, ""},
	} {
		form := b.form("/tenants/acme?add")
		form.Set("number", number)
		form.Set("name", "Fay")
		b.post("/tenants/acme/add", form).wants(t, want.status, want.text)
	}
}

func TestAwayIsSaid(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	form.Set("name", "Front desk")
	p.core.fail, p.core.failGet = portal.ErrTryAgain, portal.ErrTryAgain
	check := func(a answer) {
		t.Helper()
		a.wants(t, http.StatusServiceUnavailable, "Not just now", "Nothing is lost", "Try again")
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	check(b.get("/tenants/acme"))
	check(b.get(receptionURL))
	check(b.post(receptionURL+"/save", form))
	p.core.fail, p.core.failGet = nil, nil
	p.redis.SetError("LOADING")
	check(b.get(receptionURL))
	check(b.post(receptionURL+"/save", form))
	check(b.post("/sign-in", url.Values{"link": {"x"}}))
	p.redis.SetError("")
	b.post(receptionURL+"/save", form).wants(t, http.StatusSeeOther)
	p.core.failGet = errors.New("a secret of the inside")
	if a := b.get(receptionURL); a.StatusCode != http.StatusInternalServerError || strings.Contains(a.body, "secret of the inside") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
}

func TestPostsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception"})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	form.Set("name", "Owned")
	for header, value := range map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
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
			"Content-Security-Policy": "script-src 'self'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
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

func TestEveryActionSaysWhatItDid(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: true, Limit: 4, Used: 1, Devices: []portal.Device{{ID: "d1", Platform: "mac"}}})
	b := p.signedIn(alex)
	for _, step := range []struct{ action, field, value, notice string }{
		{"remove-device", "device", "d1", "Its seat is free"},
		{"welcome-email", "", "", "on its way again"},
		{"disable", "", "", "The app was disabled"},
	} {
		form := b.form(receptionURL)
		form.Set(step.field, step.value)
		a := b.post(receptionURL+"/"+step.action, form)
		a.wants(t, http.StatusSeeOther)
		refresh := b.request(t.Context(), receptionURL, nil)
		refresh.Method = http.MethodGet
		refresh.Header.Set("Sec-Fetch-Dest", "empty")
		if strings.Contains(b.read(refresh).body, step.notice) {
			t.Errorf("%q is said to the page that is being left", step.notice)
		}
		b.get(a.Header.Get("Location")).wants(t, http.StatusOK, step.notice)
		if strings.Contains(b.get(receptionURL).body, step.notice) {
			t.Errorf("%q is said twice", step.notice)
		}
	}
	form := b.form(receptionURL + "/delete")
	b.post(receptionURL+"/delete", form).wants(t, http.StatusSeeOther)
	b.get("/tenants/acme").wants(t, http.StatusOK, "The extension was deleted", "No extensions yet")
}

// A license that nobody was shown a password of is told, with what to do.
func TestNoPassword(t *testing.T) {
	t.Parallel()
	for _, none := range []bool{true, false} {
		p := serve(t, portal.Details{Extension: reception, Enabled: true, Granted: true, Email: "ann@example.com", Limit: 4, NoPassword: none})
		if said := strings.Contains(p.signedIn(alex).get(receptionURL).body, "No password was set here yet"); said != none {
			t.Errorf("without a password: %t, said: %t", none, said)
		}
	}
}

// What became of an e-mail is said in plain words, with what to do.
func TestMails(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	next := asked.Add(3 * time.Hour)
	for name, c := range map[string]struct {
		mail portal.Email
		says []string
		not  string
	}{
		"queued":  {portal.Email{State: "queued"}, []string{"Queued 9 Mar, 09:00"}, "Tried"},
		"waiting": {portal.Email{State: "queued", Reason: "no answer", Advice: "It is sent as soon as it can be."}, []string{"Waiting since 9 Mar, 08:00", "No answer.", "It is sent as soon as it can be."}, ".."},
		"retrying": {
			portal.Email{State: "retrying", Reason: "mailbox is full", EnhancedCode: "4.2.2", SMTPCode: 452, Advice: "Ask its owner to make room.", Attempts: 3, Next: &next},
			[]string{"Retrying since 9 Mar, 08:00", "Mailbox is full (4.2.2).", "Ask its owner to make room.", "Tried 3 times, next attempt 9 Mar, 11:00"}, "452",
		},
		"sent": {portal.Email{State: "sent", Reason: "2.0.0 Ok: queued as 4X"}, []string{"Sent 9 Mar, 09:00"}, "4X"},
		"late": {portal.Email{State: "sent", Reason: "host is away", EnhancedCode: "4.4.1", Advice: "Nothing to do yet."}, []string{"Sent 9 Mar", "Host is away (4.4.1).", "Nothing to do yet."}, "Came back"},
		"failed": {
			portal.Email{State: "failed", Reason: "550 5.1.1 no such user", SMTPCode: 550, EnhancedCode: "5.1.1", Advice: "Check the address."},
			[]string{"Failed 9 Mar", "550 5.1.1 no such user.", "Check the address."}, "(5.1.1)",
		},
		"bounced":          {portal.Email{State: "bounced", Reason: "no such user", EnhancedCode: "5.1.1", Advice: "Check the address."}, []string{"Came back 9 Mar", "No such user (5.1.1).", "Check the address."}, "Sent"},
		"dead":             {portal.Email{State: "dead", Reason: "no template", Advice: "Tell operations."}, []string{"Failed 9 Mar", "No template.", "Tell operations."}, "Queued"},
		"skipped":          {portal.Email{State: "skipped", Reason: "license_not_current"}, []string{"Not sent 9 Mar", "The license was no longer in force."}, "license_not_current"},
		"skipped, address": {portal.Email{State: "skipped", Reason: "recipient_failed", Advice: "Correct the address."}, []string{"An earlier mail to this address failed for good.", "Correct the address."}, "recipient_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.mail.Kind, c.mail.Since, c.mail.At = "welcome", asked, asked.Add(time.Hour)
			p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: true, Granted: true, Email: "ann@example.com", Limit: 4, Welcome: &c.mail})
			b := p.signedIn(alex)
			page := text(b.get(receptionURL).body)
			for _, want := range c.says {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not say %q:\n%s", want, page)
				}
			}
			if strings.Contains(page, c.not) {
				t.Errorf("the page says %q", c.not)
			}
			if word := strings.Fields(c.says[0])[0]; word != "An" && !strings.Contains(text(b.get("/tenants/acme").body), word) {
				t.Errorf("the list does not say %q", word)
			}
		})
	}
}

// text is what is to be read of a page.
func text(html string) string {
	return strings.Join(strings.Fields(regexp.MustCompile("<[^>]*>").ReplaceAllString(html, " ")), " ")
}
