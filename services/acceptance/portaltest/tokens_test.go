package portaltest_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/beacon"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/server"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// Every route of the API with every scope, for one's own tenant and another: who may not is
// told so, whatever the request has in it, and who may is answered something else.
func TestEveryRouteWithEveryScope(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	needs := map[string]string{
		"GET " + extensions: "read admin", "GET " + extension: "read admin", "GET " + extension + "/history": "read admin", "GET " + softphone + "/devices": "read admin",
		"PUT " + extension: "admin", "DELETE " + extension: "admin", "POST " + softphone: "admin", "DELETE " + softphone: "admin",
		"POST " + softphone + "/password": "admin", "DELETE " + softphone + "/devices/{device}": "admin", "POST " + softphone + "/welcome-email": "admin",
		"PUT " + softphone + "/email": "admin",
		"POST /events":                "core",
	}
	body := map[string]any{
		"PUT " + extension: fields{"name": "x"}, "POST " + softphone: fields{"email": "ada@example.com"}, "PUT " + softphone + "/email": fields{"email": "ada@example.org"},
		"POST /events": event(events.NewFact(events.Extension{Tenant: "acme", Number: "1001"}, events.ExtensionDeleted{})),
	}
	tokens := map[string]client{}
	for _, scope := range []string{"read", "admin", "core"} {
		for _, tenant := range []string{"acme", "globex", portal.EveryTenant} {
			tokens[scope+" "+tenant] = c.as(c.world.Token(scope, tenant, scope))
		}
	}
	for route := range c.openapi.operations() {
		if strings.Contains(route, " /softphone/") || route == "GET /openapi.yaml" {
			continue // whoever has a password, or a device's token, and everybody
		}
		scopes, known := needs[route]
		if !known {
			t.Errorf("%s is in no row of this table", route)
		}
		for name, token := range tokens {
			scope, tenant, _ := strings.Cut(name, " ")
			want := !strings.Contains(scopes, scope) || tenant == "globex"
			if a := token.call(route, "", body[route]); (a.status == http.StatusForbidden) != want || a.status == http.StatusUnauthorized {
				t.Errorf("%s with the scope %s for %s: %d %s", route, scope, tenant, a.status, a.body)
			}
		}
	}
}

// A token works on every replica as soon as it is made, and on none as soon as it is ended.
func TestTokensComeAndGo(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	token, made, err := c.world.Access.Make(t.Context(), access.Token{
		Name: "wallboard", Tenant: "acme", Scopes: portal.ScopeRead, Ends: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.as(token).call("GET "+extensions, "", nil).is(200)
	c.world.Eventually("its use is written down", func() bool {
		for _, known := range listed(t, c.world.Access) {
			if known.ID == made.ID {
				return time.Since(known.Used) < time.Minute
			}
		}
		return false
	})
	if err := c.world.Access.End(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	c.as(token).call("GET "+extensions, "", nil).problem(401, "unauthorized")

	brief, _, err := c.world.Access.Make(t.Context(), access.Token{
		Name: "brief", Tenant: "acme", Scopes: portal.ScopeRead, Ends: time.Now().Add(2 * time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.world.Eventually("a token has reached its end", func() bool {
		a := c.as(brief).call("GET "+extensions, "", nil)
		return a.status == http.StatusUnauthorized && bytes.Contains(a.body, []byte("reached its end"))
	})
	for _, m := range c.world.Messages("KV_softphone-credentials", ">") {
		if text := m.Subject() + string(m.Data()); strings.Contains(text, token) || strings.Contains(text, brief) {
			t.Error("the bucket has a token")
		}
	}
}

func listed(t *testing.T, store *access.Store) []access.Token {
	t.Helper()
	all, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// No token of a tenant sells its tenant more than the provider allows, on any way in.
func TestTenantsDeviceLimit(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	tenants := c.as(c.world.Token("shop", "acme", "admin,core"))
	provider := c.as(c.world.Token("provider", portal.EveryTenant, "core"))
	sell := func(by client, number string, devices int) answer {
		x := events.Extension{Tenant: "acme", Number: number}
		return by.call("POST /events", "", event(events.NewFact(x, events.SoftphoneEnabled{
			Email: "bob@example.com", Username: "bob", DisplayName: "Bob", DeviceLimit: devices,
		})), "Prefer", "wait=10")
	}
	limit := func(most int) {
		t.Helper()
		if err := c.world.Access.SetMaxDevices(t.Context(), "acme", most); err != nil {
			t.Fatal(err)
		}
	}
	sell(tenants, "1", 100).problem(403, "forbidden")
	sell(tenants, "1", 5).problem(403, "forbidden")
	sell(tenants, "1", 4).is(200)
	sell(tenants, "2", 0).is(200) // means 4
	sell(provider, "3", 100).is(200)
	limit(10)
	sell(tenants, "4", 10).is(200)
	if a := sell(tenants, "5", 11); !bytes.Contains(a.body, []byte("the highest deviceLimit of tenant acme is 10")) {
		t.Errorf("11 devices: %d %s", a.status, a.body)
	}
	limit(2)
	sell(tenants, "5", 0).problem(403, "forbidden")
	tenants.call("PUT "+extension, "", fields{"name": "Ada"}).is(201)
	if on := tenants.call("POST "+softphone, "", fields{"email": "ada@example.com"}).is(201); on["limit"] != 2.0 {
		t.Errorf("the app is enabled for %v devices", on["limit"])
	}
	limit(0)
	sell(tenants, "6", 5).problem(403, "forbidden")
	sell(tenants, "6", 0).is(200)
}

// signedIn signs an administrator in.
func signedIn(t *testing.T, sessions *web.Sessions, w *portaltest.World, name string) {
	t.Helper()
	pages, err := web.New(t.Context(), web.Config{Core: w.Service, Redis: w.Redis.Client(t), Log: w.Config("web").Host.Log})
	if err != nil {
		t.Fatal(err)
	}
	link, err := sessions.Link(t.Context(), web.Administrator{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/sign-in", strings.NewReader(url.Values{"link": {link}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	pages.ServeHTTP(answer, r)
	if answer.Code != http.StatusSeeOther {
		t.Fatalf("signing in: %d %s", answer.Code, answer.Body)
	}
}

// The portal's commands, as an operator types them.
func TestCommands(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	environment := []string{"NATS_URL=" + c.world.NATS.URL(), "REDIS_URL=" + c.world.Redis.URL()}
	run := func(line string) (string, error) {
		var out bytes.Buffer
		err := server.Command(strings.Fields(line), environment, &out)
		return out.String(), err
	}
	does := func(line string, says ...string) string {
		t.Helper()
		out, err := run(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, want := range says {
			if !strings.Contains(out, want) {
				t.Errorf("%s does not say %q:\n%s", line, want, out)
			}
		}
		return out
	}
	made := does("tokens make shop --tenant acme --scopes read,admin --days 30", "softphone_", "read,admin for tenant acme, until "+time.Now().Add(30*24*time.Hour).UTC().Format(time.DateOnly))
	token, rest, _ := strings.Cut(made, "\n")
	id := strings.TrimSuffix(strings.Fields(rest)[4], ",")
	c.as(token).call("GET "+extensions, "", nil).is(200)
	if out := does("tokens list", id, "shop", "acme", "read,admin", "LAST USED"); strings.Contains(out, token) {
		t.Errorf("the list shows the token:\n%s", out)
	}
	does("tokens end "+id, id+" has ended")
	c.as(token).call("GET "+extensions, "", nil).problem(401, "unauthorized")

	does("limits list", "all others  4")
	does("limits set acme 20", "acme may give a license up to 20 devices")
	does("limits list", "acme        20")
	does("limits set acme 0", "up to 4 devices")

	sessions := web.NewSessions(c.world.Redis.Client(t))
	for _, name := range []string{"Ada", "Bo"} {
		signedIn(t, sessions, c.world, name)
	}
	list := strings.Split(does("sessions list", "SIGNED IN", "Ada", "Bo"), "\n")
	ada, _, _ := strings.Cut(list[1], " ")
	does("sessions end "+ada, "sessions ended: 1")
	does("sessions end --all", "sessions ended: 1")
	if out := does("sessions list"); strings.Contains(out, "Bo") {
		t.Errorf("everybody was signed out:\n%s", out)
	}

	folder := t.TempDir() // of a system in one process
	put, err := beacon.Light(folder, beacon.Beacon{NATS: c.world.NATS.URL(), Redis: c.world.Redis.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer put()
	var near bytes.Buffer
	if err := server.Command([]string{"limits", "list"}, []string{"SOFTPHONE_DATA=" + folder}, &near); err != nil || !strings.Contains(near.String(), "all others") {
		t.Errorf("beside a system in one process: %v\n%s", err, near.String())
	}

	for line, says := range map[string]string{
		"sessions end": "no such command", "sessions end " + ada: "portal sessions list",
		"tokens make": "name comes first", "tokens make --tenant acme": "name comes first",
		"tokens make shop": "--tenant is required", "tokens make shop --tenant acme": "--scopes is required",
		"tokens make shop --tenant acme --scopes root": `"root" is not a scope`, "tokens make shop --tenant Acme --scopes read": "tenant: must be",
		"tokens make shop --tenant acme --scopes read --days 0": "in the future", "tokens make shop --tenant acme --scopes read --days 9999": "at most",
		"tokens make shop --tenant acme --scopes read now": "one word too many", "tokens make shop --tenant acme --size 3": "size",
		"tokens end " + id: "portal tokens list", "tokens end x": "12 of 0-9 and a-f", "tokens": "portal tokens list", "tokens burn": "no such command",
		"limits set acme many": "not a number", "limits set acme 101": "1 to 100", "limits set Acme 1": "tenant", "help": "portal tokens make",
	} {
		if out, err := run(line); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q\n%s", line, err, says, out)
		}
	}
}
