package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// A name in another direction turns nothing around it: everywhere it stands isolated.
func TestNamesAreIsolated(t *testing.T) {
	t.Parallel()
	const name, device = "ليلى (5)", "\u200fiPhone של אמיר"
	p := serve(t, portal.Details{
		Extension: reception, Name: name, Email: "l@example.com", Username: "reception@acme", Enabled: true, Granted: true, Limit: 4, Used: 1,
		Devices: []portal.Device{{ID: "d1", Platform: "iphone", Name: device}},
	})
	p.core.history[reception] = []portal.Happened{{Sequence: 1, Actor: events.Actor{Kind: events.ActorDevice, Name: device}, Text: portal.Phrase{"Name set to “", name, "”"}}}
	b := p.signedIn(web.Administrator{Name: "דנה", Tenant: "acme"})
	attributes := regexp.MustCompile(`(?s)<title>.*?</title>|="[^"]*"`)
	for _, path := range []string{"/tenants/acme", receptionURL, receptionURL + "/history", receptionURL + "/delete", "/tenants/acme?q=" + url.QueryEscape(name)} {
		a := b.get(path)
		a.wants(t, http.StatusOK)
		shown := attributes.ReplaceAllString(a.body, "")
		found := 0
		for _, each := range []string{name, device, "דנה"} {
			found += strings.Count(shown, each)
			if all, isolated := strings.Count(shown, each), strings.Count(shown, "<bdi>"+each+"</bdi>"); all != isolated {
				t.Errorf("%s shows %q %d times, %d of them isolated", path, each, all, isolated)
			}
		}
		if found < 2 {
			t.Errorf("%s shows names %d times", path, found)
		}
	}
}
