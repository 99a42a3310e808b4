package api

import (
	"net/http"
	"testing"
)

// A path that is not in its shortest form is not there: a redirect would be followed with
// the same method.
func TestNothingRedirects(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/api", "/api/v1", "/api/v1/tenants/acme/extensions/1001/softphone/devices/..", "/api/v1/tenants/acme/extensions/1001/softphone/devices/.",
		"/api/v1/tenants/acme/extensions/1001/softphone/devices/%2e%2e", "/api//v1/openapi.yaml", "/api/..",
	} {
		r, w := request(t, http.MethodDelete, path, "", "")
		(&api{}).handler().ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("DELETE %s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
}
