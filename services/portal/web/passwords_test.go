package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/portal"
)

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

// Signing all devices out is the choice of whoever resets the password.
func TestResetSignsOutWhenChosen(t *testing.T) {
	t.Parallel()
	p := serve(t, portal.Details{Extension: reception, Name: "Reception", Enabled: true, Granted: true, Limit: 4})
	b := p.signedIn(alex)
	b.get(receptionURL).wants(t, http.StatusOK, "Sign out all devices")
	form := b.form(receptionURL)
	form.Del("sign-out") // a box that is not checked is not sent
	b.post(receptionURL+"/password", form).wants(t, http.StatusOK, "stay signed in")
	if n := p.core.called("SignOut"); n != 0 {
		t.Errorf("%d times signed out", n)
	}
	form = b.form(receptionURL)
	form.Set("sign-out", "yes")
	b.post(receptionURL+"/password", form).wants(t, http.StatusOK, "Every device is signed out")
	if n := p.core.called("SignOut"); n != 1 {
		t.Errorf("%d times signed out", n)
	}
}
