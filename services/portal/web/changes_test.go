package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

func TestDoubleClickDoesItOnce(t *testing.T) {
	t.Parallel()
	for action, called := range map[string]string{"enable": "Enable", "save": "Save", "welcome-email": "SendWelcome", "email": "ChangeEmail", "delete": "Delete"} {
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
	if _, err := p.core.Save(portal.As(t.Context(), alex.Actor("")), reception, portal.Any, "Lobby"); err != nil {
		t.Fatal(err)
	}
	form.Set("name", "Front desk")
	a := b.post(receptionURL+"/save", form)
	a.wants(t, http.StatusConflict, "Bob renamed the extension meanwhile", "1003 · <bdi>Lobby</bdi>", `value="Front desk"`)
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

// An address that somebody else changed meanwhile: what was typed is still there, and the
// page shows the one in force.
func TestAnAddressThatWasChangedMeanwhile(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: true, Email: "ann@example.com"})
	b := p.signedIn(alex)
	form := b.form(receptionURL)
	if _, err := p.core.ChangeEmail(portal.As(t.Context(), alex.Actor("")), reception, portal.Any, "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	form.Set("email", "cleo@example.com")
	a := b.post(receptionURL+"/email", form)
	a.wants(t, http.StatusConflict, `<bdi id="address" data-live>bob@example.com</bdi>`, `<details class="edit" id="readdress" open>`, `value="cleo@example.com"`)
	again := b.form(receptionURL)
	again.Set("email", "cleo@example.com")
	b.post(receptionURL+"/email", again).wants(t, http.StatusSeeOther)
	b.get(receptionURL).wants(t, http.StatusOK, `<bdi id="address" data-live>cleo@example.com</bdi>`)
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

	form = b.form("/tenants/acme/extensions/1004")
	form.Set("email", "ann@")
	a = b.post("/tenants/acme/extensions/1004/email", form)
	a.wants(t, http.StatusBadRequest, "Enter a complete e-mail address", `<details class="edit" id="readdress" open>`, `value="ann@"`)

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

func TestEveryActionSaysWhatItDid(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: true, Limit: 4, Used: 1, Devices: []portal.Device{{ID: "d1", Platform: "mac"}}})
	b := p.signedIn(alex)
	for _, step := range []struct{ action, field, value, notice string }{
		{"remove-device", "device", "d1", "Its seat is free"},
		{"welcome-email", "", "", "on its way again"},
		{"email", "email", "ann@example.org", "the welcome e-mail is on its way to it"},
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
