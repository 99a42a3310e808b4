package portaltest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/server"
)

// security are the lines of some kind about the portal's doors, without what every line has.
func security(t *testing.T, lines, what string) (found []fields) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var all fields
		if err := json.Unmarshal([]byte(line), &all); err != nil || all["security"] != what {
			continue
		}
		for _, usual := range []string{"level", "replica", "message", "security"} {
			if all[usual] == "" {
				t.Errorf("no %s in %s", usual, line)
			}
			delete(all, usual)
		}
		found = append(found, all)
	}
	return found
}

// An API token that is refused is a line: whose it was where that is known, from where, and why. One that is let in is not.
func TestRefusedTokensAreLogged(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	const invented = "softphone_INVENTED"
	c.as("").call("GET "+extensions, "", nil).is(401)
	c.as(invented).call("GET "+extensions, "", nil).is(401)
	c.as(c.world.Token("reader", "acme", "read")).call("PUT "+extension, "", fields{"name": "x"}).is(403)
	c.as(c.world.Token("elsewhere", "globex", "admin")).call("GET "+extension, "", nil).is(403)
	c.call("GET "+extensions, "", nil).is(200)
	token, made, err := c.world.Access.Make(t.Context(), access.Token{
		Name: "late", Tenant: "acme", Scopes: portal.ScopeRead, Ends: time.Now().Add(1500 * time.Millisecond),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.world.Eventually("the token ends", func() bool { return c.as(token).call("GET "+extensions, "", nil).status == http.StatusUnauthorized })

	lines := c.world.Lines()
	got := security(t, lines, "api-token")
	for _, line := range got[2:4] {
		if id, _ := line["actor_id"].(string); len(id) != 12 {
			t.Errorf("no token is known by the id %q", id)
		}
		delete(line, "actor_id")
	}
	want := []fields{
		{"from": "127.0.0.1", "result": "unknown"},
		{"from": "127.0.0.1", "result": "unknown"},
		{"from": "127.0.0.1", "result": "forbidden", "actor_kind": "api-token", "actor_name": "reader", "tenant": "acme"},
		{"from": "127.0.0.1", "result": "forbidden", "actor_kind": "api-token", "actor_name": "elsewhere", "tenant": "globex"},
		{"from": "127.0.0.1", "result": "ended", "actor_kind": "api-token", "actor_id": made.ID, "actor_name": "late", "tenant": "acme"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, secret := range []string{token, c.token, invented} {
		if strings.Contains(lines, secret) {
			t.Errorf("a line has the token %.12s…", secret)
		}
	}
}

// Sign-ins of devices that are refused are lines with the reason: the limit, a wrong password, too many of them.
func TestRefusedSignInsAreLogged(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	e := enabled(t, w, ada)
	for _, device := range []string{"d1", "d2", "d3", "d4", "d5"} {
		_, _ = signIn(t, w, e.Username, e.Password, device)
	}
	for range 12 {
		_, _ = signIn(t, w, "1002@acme", process.NewSecret("guessed-guessed-guessed"), "d6")
	}
	results := map[string]int{}
	lines := w.Lines()
	for _, line := range security(t, lines, "sign-in") {
		if line["from"] != "192.0.2.1" || line["tenant"] != "acme" {
			t.Errorf("%v", line)
		}
		results[line["result"].(string)]++
	}
	if results["activated"] != 4 || results["limit_reached"] != 1 || results["wrong"] == 0 || results["throttled"] == 0 || results["wrong"]+results["throttled"] != 12 {
		t.Errorf("%v", results)
	}
	if strings.Contains(lines, "guessed-guessed") || strings.Contains(lines, e.Password.Reveal()) {
		t.Error("a line has a password")
	}
}

// A link that an operator makes with a command, and what is done with it, is written down by the portal, which counts it.
func TestLinksAreLogged(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	environment := []string{"NATS_URL=" + c.world.NATS.URL(), "REDIS_URL=" + c.world.Redis.URL(), "SOFTPHONE_HTTP_LISTEN=127.0.0.1:0", "SOFTPHONE_CREDENTIAL_KEY=" + portaltest.SealKey}
	var out bytes.Buffer
	if err := server.Command([]string{"link", "Ann Lee", "acme"}, environment, &out); err != nil {
		t.Fatal(err)
	}
	address, counted := c.serves(t, environment)
	_, link, _ := strings.Cut(strings.Fields(out.String())[0], "#")
	jar := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(path string, form url.Values, cookies ...*http.Cookie) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		response, err := jar.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response
	}
	in := post("/sign-in", url.Values{"link": {link}})
	post("/sign-in", url.Values{"link": {link}})
	post("/sign-out", nil, in.Cookies()...)
	post("/sign-out", nil)
	c.world.Eventually("the command's line is there", func() bool { return len(security(t, c.world.Lines(), "link-made")) == 1 })

	lines := c.world.Lines()
	made := security(t, lines, "link-made")[0]
	at, err := time.Parse(time.RFC3339, made["at"].(string))
	if err != nil || time.Since(at) > time.Hour {
		t.Errorf("made at %v, %v", made["at"], err)
	}
	delete(made, "at")
	host, _ := os.Hostname()
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fields{"actor_kind": "operator", "actor_name": who.Username, "for": "Ann Lee", "tenant": "acme", "from": host, "result": "success"}, made); diff != "" {
		t.Errorf("the link (-want +got):\n%s", diff)
	}
	ins, outs := security(t, lines, "administrator-sign-in"), security(t, lines, "administrator-sign-out")
	if len(ins) != 2 || len(outs) != 1 {
		t.Fatalf("%v, %v", ins, outs)
	}
	session := ins[0]["actor_id"]
	ann := fields{"actor_kind": "administrator", "actor_id": session, "actor_name": "Ann Lee", "tenant": "acme", "from": "127.0.0.1", "result": "success"}
	if diff := cmp.Diff([]fields{ann, {"from": "127.0.0.1", "result": "unknown"}, ann}, append(ins, outs...)); diff != "" || session == "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if strings.Contains(lines, link) {
		t.Error("a line has the link")
	}
	for _, want := range []struct {
		event, result string
		times         float64
	}{
		{"link-made", "success", 1}, {"administrator-sign-in", "success", 1}, {"administrator-sign-in", "unknown", 1},
		{"administrator-sign-out", "success", 1}, {"sign-in", "wrong", 0}, {"api-token", "unknown", 0},
	} {
		if times := counted(want.event, want.result); times != want.times {
			t.Errorf("%s, %s is counted %g times", want.event, want.result, times)
		}
	}
}

// serves starts the portal's process. It returns its address, and a function that says how often a security event was counted.
func (c client) serves(t *testing.T, environment []string) (address string, counted func(event, result string) float64) {
	t.Helper()
	var config server.Config
	if err := process.Parse(&config, environment); err != nil {
		t.Fatal(err)
	}
	config.Host = c.world.Config("portal-process").Host
	serving := make(chan server.Portal, 1)
	config.Ready = func(p server.Portal) { serving <- p }
	c.world.Start(func(ctx context.Context) error { return server.Run(ctx, config) })
	return (<-serving).Address, func(event, result string) float64 {
		families, err := config.Host.Metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() != "softphone_security_events_total" {
				continue
			}
			for _, m := range family.GetMetric() {
				if labels := m.GetLabel(); labels[0].GetValue() == event && labels[1].GetValue() == result {
					return m.GetCounter().GetValue()
				}
			}
		}
		t.Errorf("%s, %s is not counted", event, result)
		return 0
	}
}
