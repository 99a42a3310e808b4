package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/portal/web"
)

// A browser that signs in again signs the session before it out; signing out of no session is nothing.
func TestSignInsReplaceSessions(t *testing.T) {
	t.Parallel()
	p := serve(t)
	b := p.signedIn(alex)
	p.signIn(b, web.Administrator{Name: "Bo"})
	b.post("/sign-out", nil).wants(t, http.StatusSeeOther)
	b.post("/sign-out", nil).wants(t, http.StatusSeeOther)
	p.browser().post("/sign-in", url.Values{"link": {"guessed"}}).wants(t, http.StatusUnauthorized)
	var got []string
	for line := range strings.Lines(p.log.String()) {
		for _, result := range []string{"success", "replaced", "unknown"} {
			for _, what := range []string{"sign-in", "sign-out"} {
				for _, name := range []string{"Alex Kim", "Bo", ""} {
					who := `"actor_name":"` + name + `"`
					if strings.Contains(line, `"security":"administrator-`+what+`"`) && strings.Contains(line, `"result":"`+result+`"`) &&
						(strings.Contains(line, who) || name == "" && !strings.Contains(line, "actor_")) && strings.Contains(line, `"from":"127.0.0.1"`) {
						got = append(got, what+" "+name+" "+result)
					}
				}
			}
		}
	}
	want := "sign-in Alex Kim success, sign-out Alex Kim replaced, sign-in Bo success, sign-out Bo success, sign-in  unknown"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s\nwant %s\n%s", strings.Join(got, ", "), want, p.log.String())
	}
	if strings.Contains(p.log.String(), "guessed") {
		t.Error("a line has what was typed")
	}
}
