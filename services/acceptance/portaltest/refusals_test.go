package portaltest_test

import (
	"net/http"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
)

// refusals are what every operation refuses.
func (c client) refusals(globex string) {
	c.t.Helper()
	body := map[string]any{
		"PUT " + extension: fields{"name": "x"}, "POST " + softphone: fields{"email": "ada@example.com"},
		"PUT " + softphone + "/email": fields{"email": "ada@example.com"},
		"POST /events":                event(events.NewFact(events.Extension{Tenant: "acme", Number: "1"}, events.ExtensionDeleted{})),
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
		{"PUT " + softphone + "/email", `{"email":"ada"}`, "email"},
		{"PUT " + softphone + "/email", `{"email":""}`, "email"},
		{"PUT " + softphone + "/email", `{"mail":"ada@example.com"}`, "mail"},
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
	response := c.send(c.request(method, path, nil))
	defer response.Body.Close()
	if response.StatusCode != status || response.Header.Get("Content-Type") != "application/problem+json" {
		c.t.Errorf("%s: %d %s, want %d as a problem", route, response.StatusCode, response.Header.Get("Content-Type"), status)
	}
	if status == 405 && response.Header.Get("Allow") != "DELETE, GET, HEAD, PUT" {
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
	shown := func() map[string]any {
		details := c.call("GET "+extension, "", nil).is(200)
		delete(details, "version") // a sign-in may be stored although it was not answered: one fact more
		return details
	}
	before := shown()
	c.world.Redis.Stop()
	c.as("").call("POST /softphone/sign-in", "", signInBody(password, "d2")).problem(503, "try-again")
	c.as(device).call("GET /softphone/profile", "", nil).problem(503, "try-again")
	c.call("GET "+extensions, "", nil).problem(503, "try-again")
	c.call("GET "+softphone+"/devices", "", nil).problem(503, "try-again")
	c.world.Redis.Start()
	c.world.NATS.Stop()
	body := map[string]any{
		"PUT " + extension: fields{"name": "x"}, "POST " + softphone: fields{"email": "ada@example.com"},
		"PUT " + softphone + "/email": fields{"email": "ada@example.com"},
		"POST /events":                event(events.NewFact(events.Extension{Tenant: "acme", Number: "1"}, events.ExtensionDeleted{})),
		"POST /softphone/sign-in":     signInBody(password, "d2"),
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
	c.world.Eventually("the extension is as it was", func() bool { return cmp.Equal(before, shown()) })
	c.as(device).call("GET /softphone/profile", "", nil).is(200)
	c.world.Redis.Stop()
	c.as(device).call("POST /softphone/sign-out", "", nil).problem(503, "try-again")
	c.world.Redis.Start()

	c.world.Eventually("the extension is deleted", func() bool {
		return c.call("DELETE "+extension, "", nil).status == http.StatusNoContent
	})
	c.call("GET "+extension, "", nil).problem(404, "not-found")
}
