package portaltest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/api"
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
	all := w.Token("crm", portal.EveryTenant, "admin,core")
	globex := w.Token("globex-tool", "globex", "read,admin,core")
	handler := api.New(t.Context(), api.Config{Service: w.Service, Tokens: w.Access, Log: w.Config("api").Host.Log})
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
	r := c.request(method, path+query, strings.NewReader(text))
	if text != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response := c.send(r)
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

// request is one with the client's token. Only call holds it and its answer against the
// description.
func (c client) request(method, path string, body io.Reader) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+api.Prefix+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return r
}

func (c client) send(r *http.Request) *http.Response {
	c.t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
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
