package portaltest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal/api"
)

func signInBody(password, device string) fields {
	return fields{"username": "1001@acme", "password": password, "device": fields{"id": device, "platform": "iphone", "name": "Phone " + device}}
}

// Every operation and every answer that openapi.yaml describes, in one story.
func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	c, globex := newClient(t)
	c.administer()
	device, password := c.softphones()
	c.crowds(device)
	c.publishes()
	c.remembers()
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
	c.call("GET "+extension+"/history", "", nil).problem(404, "not-found")
	c.call("PUT "+extension, "?version=7", fields{"name": "Ada"}).problem(404, "not-found")
	c.call("DELETE "+extension, "", nil).problem(404, "not-found")
	c.call("POST "+softphone, "", fields{"email": "ada@example.com"}).problem(404, "not-found")
	c.call("DELETE "+softphone, "", nil).problem(404, "not-found")
	c.call("GET "+softphone+"/devices", "", nil).problem(404, "not-found")
	c.call("DELETE "+softphone+"/devices/{device}", "", nil).problem(404, "not-found")
	c.call("PUT "+softphone+"/email", "", fields{"email": "ada@example.com"}).problem(404, "not-found")
	c.call("POST "+softphone+"/password", "", nil).problem(404, "not-found")
	c.call("POST "+softphone+"/welcome-email", "", nil).problem(404, "not-found")

	ada := c.call("PUT "+extension, "", fields{"name": "Ada"}).is(201)
	version := fmt.Sprintf("?version=%.0f", ada["version"])
	c.call("PUT "+extension, version, fields{"name": "Ada Lovelace"}).is(200)
	conflict := c.call("PUT "+extension, version, fields{"name": "Ada King"})
	conflict.problem(409, "changed-meanwhile")
	if body := conflict.is(409); body["who"] != "API token crm" || body["what"] != "ExtensionRenamed" {
		c.t.Errorf("the conflict says %v", body)
	}
	for _, change := range []string{"DELETE " + extension, "POST " + softphone} {
		c.call(change, version, map[bool]any{true: fields{"email": "ada@example.com"}}[strings.HasPrefix(change, "POST")]).problem(409, "changed-meanwhile")
	}
	for _, change := range []string{"POST " + softphone + "/password", "POST " + softphone + "/welcome-email", "DELETE " + softphone + "/devices/{device}"} {
		c.call(change, "", nil).problem(409, "not-enabled")
	}
	c.call("PUT "+softphone+"/email", "", fields{"email": "ada@example.com"}).problem(409, "not-enabled")
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
	device.head("/softphone/events")
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
	c.unsized("/tenants/acme/extensions/1001/softphone/password", "", 200)
	c.unsized("/tenants/acme/extensions/1001/softphone/password", " {}", 415)
	chosen := "heather moss and granite"
	if reset := c.call("POST "+softphone+"/password", "", fields{"password": chosen}).is(200); reset["password"] != nil {
		c.t.Error("a chosen password is repeated")
	}
	token = anonymous.call("POST /softphone/sign-in", "", signInBody(chosen, "d2")).is(200)["token"].(string)
	c.readdresses(token)
	return token, chosen
}

// readdresses corrects the address of a softphone that a device is signed in to.
func (c client) readdresses(token string) {
	c.t.Helper()
	before := c.call("GET "+extension, "", nil).is(200)
	version := fmt.Sprintf("?version=%.0f", before["version"])
	after := c.call("PUT "+softphone+"/email", version, fields{"email": "ada@example.org"}).is(200)
	if after["email"] != "ada@example.org" || after["granted"] != true || after["used"] != before["used"] || after["version"] == before["version"] {
		c.t.Errorf("corrected: %v", after)
	}
	c.as(token).call("GET /softphone/profile", "", nil).is(200)
	conflict := c.call("PUT "+softphone+"/email", version, fields{"email": "ada@example.net"})
	if conflict.problem(409, "changed-meanwhile"); conflict.is(409)["what"] != "SoftphoneEmailChanged" {
		c.t.Errorf("the conflict says %s", conflict.body)
	}
	same := c.call("PUT "+softphone+"/email", version, fields{"email": "ada@example.org"}).is(200)
	if same["version"] != after["version"] {
		c.t.Errorf("the same address is a change: %v, after %v", same["version"], after["version"])
	}
}

// crowds does what may be done so often, and once more.
func (c client) crowds(device string) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	for range 6 {
		response, err := c.open(ctx, device, func(string) {})
		if err != nil || response.StatusCode != http.StatusOK {
			c.t.Fatalf("a stream: %v, %v", response, err)
		}
	}
	c.as(device).call("GET /softphone/events", "", nil).problem(429, "too-many-requests")
	for sent := 202; sent == 202; {
		sent = c.call("POST "+softphone+"/welcome-email", "", nil).status
	}
	c.call("POST "+softphone+"/welcome-email", "", nil).problem(429, "too-many-requests")
	again := events.NewFact(events.Extension{Tenant: "acme", Number: "1001"}, events.WelcomeEmailRequested{})
	c.call("POST /events", "", event(again)).problem(429, "too-many-requests")
	for i, changed := 0, 200; changed == 200; i++ { // "Send again" is used up: an address can be corrected all the same
		changed = c.call("PUT "+softphone+"/email", "", fields{"email": fmt.Sprintf("ada%d@example.org", i)}).status
	}
	c.call("PUT "+softphone+"/email", "", fields{"email": "ada@example.net"}).problem(429, "too-many-requests")
	change := events.NewFact(events.Extension{Tenant: "acme", Number: "1001"}, events.SoftphoneEmailChanged{Email: "ada@example.net"})
	c.call("POST /events", "", event(change)).problem(429, "too-many-requests")
}

// head asks for a stream's headers: they come, and that is the end of it.
func (c client) head(path string) {
	c.t.Helper()
	r := c.request(http.MethodHead, path, nil)
	conn, err := (&net.Dialer{Timeout: workertest.Patience}).DialContext(c.t.Context(), "tcp", r.URL.Host)
	if err != nil {
		c.t.Fatal(err)
	}
	said := servertest.Exchange(c.t, conn, r)
	if !strings.HasPrefix(said, "HTTP/1.1 200 OK\r\n") || !strings.Contains(said, "\r\nContent-Type: text/event-stream\r\n") {
		c.t.Errorf("HEAD %s: %s", path, said)
	}
}

// unsized posts a body that does not say how long it is, nor of what kind.
func (c client) unsized(path, body string, status int) {
	c.t.Helper()
	response := c.send(c.request(http.MethodPost, path, io.NopCloser(strings.NewReader(body))))
	defer response.Body.Close()
	if response.StatusCode != status {
		c.t.Errorf("a body %q of unknown length: %s, want %d", body, response.Status, status)
	}
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
