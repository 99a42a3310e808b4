package portaltest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/portaltest"
)

// client speaks to an API and holds all that is said to its description.
type client struct {
	t       *testing.T
	url     string
	openapi *openapi
	world   *portaltest.World
	token   string // "" for none
}

const (
	extensions = "/tenants/{tenant}/extensions"
	extension  = extensions + "/{extension}"
	softphone  = extension + "/softphone"
)

// newClient starts everything. The token is good for all tenants; globexToken for one.
func newClient(t *testing.T) (c client, globexToken string) {
	t.Helper()
	w := portaltest.New(t)
	all, line := api.NewToken(api.Token{Name: "crm", Tenant: api.Every})
	globex, other := api.NewToken(api.Token{Name: "globex-tool", Tenant: "globex"})
	tokens, err := api.ParseTokens("# two\n" + line + "\n" + other + "\n")
	if err != nil {
		t.Fatal(err)
	}
	handler := api.New(t.Context(), api.Config{Service: w.Service, Tokens: tokens, Log: w.Config("api").Host.Log})
	server := httptest.NewUnstartedServer(handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 2*time.Second, 2*workertest.Patience
	server.Start()
	t.Cleanup(server.Close)
	response, err := http.Get(server.URL + api.Prefix + "/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	description, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return client{t: t, url: server.URL, openapi: newOpenAPI(t, description), world: w, token: all}, globex
}

// as is the client with another token.
func (c client) as(token string) client { c.token = token; return c }

// answer of a request.
type answer struct {
	client
	route  string
	status int
	header http.Header
	body   []byte
}

// call makes a request of an operation. In the path, tenant and extension are acme
// and 1001; a query may follow.
func (c client) call(route, query string, body any, headers ...string) answer {
	c.t.Helper()
	text, _ := body.(string)
	if body != nil && text == "" {
		encoded, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		text = string(encoded)
	}
	method, path, _ := strings.Cut(route, " ")
	path = strings.NewReplacer("{tenant}", "acme", "{extension}", "1001", "{device}", "d1").Replace(path)
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+api.Prefix+path+query, strings.NewReader(text))
	if err != nil {
		c.t.Fatal(err)
	}
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if len(response.Cookies()) > 0 {
		c.t.Errorf("%s sets a cookie", route)
	}
	c.openapi.exchange(c.t, route, []byte(text), r.Header.Get("Content-Type"), response, said)
	return answer{client: c, route: route, status: response.StatusCode, header: response.Header, body: said}
}

// is fails the test unless the status is this, and reads the body.
func (a answer) is(status int) map[string]any {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d instead of %d: %s", a.route, a.status, status, a.body)
	}
	var body map[string]any
	if len(a.body) > 0 && bytes.HasPrefix(a.body, []byte("{")) {
		if err := json.Unmarshal(a.body, &body); err != nil {
			a.t.Fatal(err)
		}
	}
	return body
}

// problem is is, for the last part of the problem's type; the field if it has one.
func (a answer) problem(status int, kind string) (field string) {
	a.t.Helper()
	body := a.is(status)
	if got := body["type"]; got != "https://mycloudpbx.com/problems/"+kind {
		a.t.Errorf("%s: problem %v instead of %s: %s", a.route, got, kind, a.body)
	}
	field, _ = body["field"].(string)
	return field
}

type fields = map[string]any

func signInBody(password, device string) fields {
	return fields{"username": "1001@acme", "password": password, "device": fields{"id": device, "platform": "iphone", "name": "Phone " + device}}
}

// Every operation and every answer that openapi.yaml describes, in one story.
func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	c, globex := newClient(t)
	c.administer()
	device, password := c.softphones()
	c.publishes()
	c.refusals(globex)
	c.floods()
	c.outages(device, password)

	var missing []string
	for status := range c.openapi.statuses() {
		if !c.openapi.seen[status] {
			missing = append(missing, status)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("described, and never seen:\n%s", strings.Join(missing, "\n"))
	}
}

// administer adds and renames.
func (c client) administer() {
	c.t.Helper()
	c.call("GET "+extension, "", nil).problem(404, "not-found")
	c.call("PUT "+extension, "?version=7", fields{"name": "Ada"}).problem(404, "not-found")
	c.call("DELETE "+extension, "", nil).problem(404, "not-found")
	c.call("POST "+softphone, "", fields{"email": "ada@example.com"}).problem(404, "not-found")
	c.call("DELETE "+softphone, "", nil).problem(404, "not-found")
	c.call("GET "+softphone+"/devices", "", nil).problem(404, "not-found")
	c.call("DELETE "+softphone+"/devices/{device}", "", nil).problem(404, "not-found")
	c.call("POST "+softphone+"/password", "", nil).problem(404, "not-found")
	c.call("POST "+softphone+"/welcome-email", "", nil).problem(404, "not-found")

	ada := c.call("PUT "+extension, "", fields{"name": "Ada"}).is(201)
	version := fmt.Sprintf("?version=%.0f", ada["version"])
	c.call("PUT "+extension, version, fields{"name": "Ada Lovelace"}).is(200)
	conflict := c.call("PUT "+extension, version, fields{"name": "Ada King"})
	conflict.problem(409, "changed-meanwhile")
	if body := conflict.is(409); body["who"] != "API crm" || body["what"] != "ExtensionRenamed" {
		c.t.Errorf("the conflict says %v", body)
	}
	for _, change := range []string{"DELETE " + extension, "POST " + softphone} {
		c.call(change, version, map[bool]any{true: fields{"email": "ada@example.com"}}[strings.HasPrefix(change, "POST")]).problem(409, "changed-meanwhile")
	}
	for _, change := range []string{"POST " + softphone + "/password", "POST " + softphone + "/welcome-email", "DELETE " + softphone + "/devices/{device}"} {
		c.call(change, "", nil).problem(409, "not-enabled")
	}
	c.call("DELETE "+softphone, "", nil).is(204) // it is off already

	page := c.call("GET "+extensions, "?query=LOVE", nil).is(200)
	if found := page["extensions"].([]any); len(found) != 1 || found[0].(fields)["name"] != "Ada Lovelace" {
		c.t.Errorf("the list has %v", page)
	}
}

// softphones enables and signs in.
func (c client) softphones() (token, password string) {
	c.t.Helper()
	anonymous := c.as("")
	on := c.call("POST "+softphone, "", fields{"email": "ada@example.com"}).is(201)
	password = on["password"].(string)
	c.call("POST "+softphone, "", fields{"email": "ada@example.com"}).problem(409, "changed-meanwhile")
	version := fmt.Sprintf("?version=%.0f", c.call("GET "+extension, "", nil).is(200)["version"].(float64)-1)
	c.call("DELETE "+softphone, version, nil).problem(409, "changed-meanwhile")

	for _, id := range []string{"d1", "d2", "d3", "d4", "d1"} {
		in := anonymous.call("POST /softphone/sign-in", "", signInBody(password, id)).is(200)
		token = in["token"].(string)
	}
	full := anonymous.call("POST /softphone/sign-in", "", signInBody(password, "d5"))
	full.problem(403, "device-activation-limit-reached")
	if body := full.is(403); body["title"] != "Device Activation Limit Reached" || len(body["devices"].([]any)) != 4 {
		c.t.Errorf("the limit: %v", body)
	}
	wrong := anonymous.call("POST /softphone/sign-in", "", signInBody(password+"x", "d1"))
	nobody := anonymous.call("POST /softphone/sign-in", "", fields{"username": "9999@acme", "password": password, "device": fields{"id": "d1", "platform": "mac"}})
	if wrong.problem(401, "unauthorized"); !bytes.Equal(wrong.body, nobody.body) || nobody.status != 401 {
		c.t.Errorf("an unknown user is told apart: %s, %s", wrong.body, nobody.body)
	}

	device := c.as(token)
	if p := device.call("GET /softphone/profile", "", nil).is(200); p["displayName"] != "Ada Lovelace" || p["used"] != 4.0 {
		c.t.Errorf("the profile: %v", p)
	}
	c.follow(device)

	// What follows has its own tokens: the stream's device was removed.
	again := anonymous.call("POST /softphone/sign-in", "", signInBody(password, "d5")).is(200)["token"].(string)
	c.as(again).call("POST /softphone/sign-out", "", nil).is(204)
	for _, gone := range []client{c.as(again), device, anonymous} {
		gone.call("GET /softphone/profile", "", nil).problem(401, "unauthorized")
		gone.call("GET /softphone/events", "", nil).problem(401, "unauthorized")
		gone.call("POST /softphone/sign-out", "", nil).problem(401, "unauthorized")
	}
	seats := c.call("GET "+softphone+"/devices", "", nil).is(200)
	if seats["used"] != 4.0 || len(seats["devices"].([]any)) != 4 {
		c.t.Errorf("the seats: %v", seats)
	}
	c.call("DELETE "+softphone+"/devices/{device}", "", nil).problem(404, "not-found")
	c.call("POST "+softphone+"/welcome-email", "", nil).is(202)

	if reset := c.call("POST "+softphone+"/password", "", nil).is(200); reset["password"] == "" || reset["password"] == password {
		c.t.Errorf("a new password: %v", reset)
	}
	chosen := "heather moss and granite"
	if reset := c.call("POST "+softphone+"/password", "", fields{"password": chosen}).is(200); reset["password"] != nil {
		c.t.Error("a chosen password is repeated")
	}
	token = anonymous.call("POST /softphone/sign-in", "", signInBody(chosen, "d2")).is(200)["token"].(string)
	return token, chosen
}

// follow listens to a softphone's stream while it is renamed and removed. The stream
// outlives the server's deadline for requests.
func (c client) follow(device client) {
	c.t.Helper()
	type event struct{ name, data string }
	told := make(chan event, 10)
	ended := make(chan answer, 1)
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+api.Prefix+"/softphone/events", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+device.token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	go func() {
		defer close(told)
		var name string
		for line := range lines(response.Body) {
			if n, ok := strings.CutPrefix(line, "event: "); ok {
				name = n
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				told <- event{name, data}
			}
		}
	}()
	next := func(what string) event {
		c.t.Helper()
		select {
		case e := <-told:
			return e
		case <-time.After(workertest.Patience):
			c.t.Fatal("not told of " + what)
			return event{}
		}
	}
	if e := next("the profile"); e.name != "profile" || !strings.Contains(e.data, "Lovelace") {
		c.t.Errorf("first told %v", e)
	}
	time.Sleep(2500 * time.Millisecond) // beyond the server's ReadTimeout: there is nothing to wait for
	c.call("PUT "+extension, "", fields{"name": "Ada King"}).is(200)
	if e := next("the new name"); e.name != "profile" || !strings.Contains(e.data, "King") {
		c.t.Errorf("told %v of the new name", e)
	}
	c.call("DELETE "+softphone+"/devices/{device}", "", nil).is(204)
	for e := next("the end"); e.name != "signed-out"; e = next("the end") {
	}
	if _, more := <-told; more {
		c.t.Error("told something after the end")
	}
	c.openapi.exchange(c.t, "GET /softphone/events", nil, "", response, []byte("stream"))
	close(ended)
}

func lines(r io.Reader) func(func(string) bool) {
	return func(yield func(string) bool) {
		var rest []byte
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			rest = append(rest, buf[:n]...)
			for {
				line, after, found := bytes.Cut(rest, []byte("\n"))
				if !found {
					break
				}
				rest = after
				if !yield(string(line)) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func event(fact events.Event) string {
	body, err := fact.Encode()
	if err != nil {
		panic(err)
	}
	return string(body)
}

// publishes is a PBX core that speaks HTTP.
func (c client) publishes() {
	c.t.Helper()
	x := events.Extension{Tenant: "acme", Number: "2002"}
	enabled := event(events.NewFact(x, events.SoftphoneEnabled{Email: "bob@example.com", Username: "bob", DisplayName: "Bob"}))
	decision := c.call("POST /events", "", enabled, "Prefer", "respond-async, wait=5", "Content-Type", "application/cloudevents+json").is(200)
	if decision["outcome"] != "LicenseGranted" {
		c.t.Errorf("the decision: %v", decision)
	}
	first := c.call("POST /events", "", enabled).is(202)
	if first["duplicate"] != true || first["sequence"] != decision["sequence"] {
		c.t.Errorf("the same fact again: %v", first)
	}
	c.call("POST /events", "", event(events.NewFact(x, events.WelcomeEmailRequested{})), "Prefer", "wait=5").is(202)

	good := event(events.NewFact(x, events.DeviceSignedIn{DeviceID: "d1", Platform: "mac"}))
	for _, wrong := range []struct{ old, new, field string }{
		{`"platform":"mac"`, `"platform":"amiga"`, "data.platform"},
		{`"deviceId":"d1"`, `"deviceid":"d1"`, "data.deviceId"},
		{`"data":{`, `"data":{"password":"x",`, "data.password"},
		{`"subject":"acme/2002"`, `"subject":"ACME/2002"`, "subject"},
		{`com.mycloudpbx.DeviceSignedIn`, `com.mycloudpbx.LicenseGranted`, "type"},
		{`"specversion":"1.0"`, `"specversion":"2.0"`, "specversion"},
		{`{`, `[`, "body"},
	} {
		if !strings.Contains(good, wrong.old) {
			c.t.Fatalf("%s is not in %s", wrong.old, good)
		}
		body := strings.Replace(good, wrong.old, wrong.new, 1)
		if field := c.call("POST /events", "", body).problem(400, "invalid"); field != wrong.field {
			c.t.Errorf("%s: field %q", wrong.new, field)
		}
	}
}

// refusals are what every operation refuses.
func (c client) refusals(globex string) {
	c.t.Helper()
	body := map[string]any{
		"PUT " + extension: fields{"name": "x"}, "POST " + softphone: fields{"email": "ada@example.com"},
		"POST /events": event(events.NewFact(events.Extension{Tenant: "acme", Number: "1"}, events.ExtensionDeleted{})),
	}
	for status := range c.openapi.statuses() {
		route, code := status[:len(status)-4], status[len(status)-3:]
		switch {
		case code == "401" && !strings.Contains(route, " /softphone/"):
			c.as("").call(route, "", body[route]).problem(401, "unauthorized")
			c.as("softphone_WRONG").call(route, "", body[route]).problem(401, "unauthorized")
		case code == "403" && route != "POST /softphone/sign-in":
			c.as(globex).call(route, "", body[route]).problem(403, "forbidden")
		case code == "413":
			c.call(route, "", `{"name":"`+strings.Repeat("x", 100<<10)+`"}`).problem(413, "too-large")
		case code == "415":
			c.call(route, "", `{}`, "Content-Type", "text/plain").problem(415, "unsupported-media-type")
		case code == "400" && strings.Contains(route, "{extension}"):
			bad := strings.Replace(route, "{tenant}", "-", 1)
			c.raw(bad, 400)
			if !strings.HasPrefix(route, "GET") {
				if field := c.call(route, "?version=x", body[route]).problem(400, "invalid"); field != "version" {
					c.t.Errorf("%s: field %q", route, field)
				}
			} else {
				c.openapi.seen[status] = true // raw has seen it
			}
		case code == "400" && route == "GET "+extensions:
			c.raw("GET /tenants/ACME/extensions", 400)
			c.openapi.seen[status] = true
		}
	}
	for _, wrong := range []struct {
		route, body, field string
	}{
		{"PUT " + extension, `{"nam":"x"}`, "nam"},
		{"PUT " + extension, `{"name":1}`, "name"},
		{"PUT " + extension, `{"name":""}`, "name"},
		{"PUT " + extension, `{"name":"` + strings.Repeat("x", 129) + `"}`, "name"},
		{"PUT " + extension, `{"name":"x"} {}`, "body"},
		{"PUT " + extension, `[]`, "body"},
		{"POST /softphone/sign-in", `{"username":"a","password":"b","device":{"id":"d1","platform":"amiga"}}`, "device.platform"},
		{"POST /softphone/sign-in", `{"username":"a","password":"b","device":{"id":"d 1","platform":"mac"}}`, "device.id"},
		{"POST /softphone/sign-in", `{"username":"a","password":"","device":{"id":"d1","platform":"mac"}}`, "password"},
		{"POST " + softphone + "/password", `{"password":"short"}`, "password"},
		{"POST " + softphone + "/password", `{"password":"1001acme1001acme"}`, "password"},
		{"POST " + softphone + "/password", `{"password":"passwordpassword1"}`, "password"},
	} {
		a := c.call(wrong.route, "", wrong.body)
		if field := a.problem(400, "invalid"); field != wrong.field {
			c.t.Errorf("%s %s: field %q: %s", wrong.route, wrong.body, field, a.body)
		}
	}
	c.as("").call("GET /openapi.yaml", "", nil).is(200)
	c.raw("GET /tenants", 404)
	c.raw("PATCH "+strings.NewReplacer("{tenant}", "acme", "{extension}", "1001").Replace(extension), 405)
}

// raw makes a request of what is described nowhere.
func (c client) raw(route string, status int) {
	c.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+api.Prefix+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != status || response.Header.Get("Content-Type") != "application/problem+json" {
		c.t.Errorf("%s: %d %s, want %d as a problem", route, response.StatusCode, response.Header.Get("Content-Type"), status)
	}
	if status == 405 && response.Header.Get("Allow") != "DELETE, GET, PUT" {
		c.t.Errorf("Allow: %s", response.Header.Get("Allow"))
	}
}

// floods signs in wrongly until it is told to wait.
func (c client) floods() {
	c.t.Helper()
	for range 20 {
		a := c.as("").call("POST /softphone/sign-in", "", fields{"username": "7777@acme", "password": "x", "device": fields{"id": "d1", "platform": "mac"}})
		if a.status == http.StatusTooManyRequests {
			a.problem(429, "too-many-sign-ins")
			return
		}
		a.problem(401, "unauthorized")
	}
	c.t.Error("never told to wait")
}

// outages takes Redis away, and then NATS: everything that needs them says to try
// again, and afterwards nothing is lost.
func (c client) outages(device, password string) {
	c.t.Helper()
	before := c.call("GET "+extension, "", nil).is(200)
	c.world.Redis.Stop()
	c.as("").call("POST /softphone/sign-in", "", signInBody(password, "d2")).problem(503, "try-again")
	c.as(device).call("GET /softphone/profile", "", nil).problem(503, "try-again")
	c.call("GET "+extensions, "", nil).problem(503, "try-again")
	c.call("GET "+softphone+"/devices", "", nil).problem(503, "try-again")
	c.world.Redis.Start()
	c.world.NATS.Stop()
	body := map[string]any{
		"PUT " + extension: fields{"name": "x"}, "POST " + softphone: fields{"email": "ada@example.com"},
		"POST /events":            event(events.NewFact(events.Extension{Tenant: "acme", Number: "1"}, events.ExtensionDeleted{})),
		"POST /softphone/sign-in": signInBody(password, "d2"),
	}
	for status := range c.openapi.statuses() {
		if route, ok := strings.CutSuffix(status, " 503"); ok && route != "POST /softphone/sign-out" {
			from := c
			if strings.Contains(route, " /softphone/") {
				from = c.as(device)
			}
			from.call(route, "", body[route]).problem(503, "try-again")
		}
	}
	c.world.NATS.Start()
	c.world.Eventually("the portal works again", func() bool {
		a := c.as("").call("POST /softphone/sign-in", "", signInBody(password, "d2"))
		return a.status == http.StatusOK
	})
	c.world.Eventually("the extension is as it was", func() bool {
		return cmp.Equal(before, c.call("GET "+extension, "", nil).is(200))
	})
	c.as(device).call("GET /softphone/profile", "", nil).is(200)
	c.world.Redis.Stop()
	c.as(device).call("POST /softphone/sign-out", "", nil).problem(503, "try-again")
	c.world.Redis.Start()

	c.world.Eventually("the extension is deleted", func() bool {
		return c.call("DELETE "+extension, "", nil).status == http.StatusNoContent
	})
	c.call("GET "+extension, "", nil).problem(404, "not-found")
}
