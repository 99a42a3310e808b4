package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

func request(t *testing.T, method, path, media, body string) (*http.Request, *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	return r, httptest.NewRecorder()
}

// Two bodies that differ must never be read as the same one.
func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	const plain = "application/json"
	for name, c := range map[string]struct{ media, body, field, problem string }{
		"Latin-1":          {plain, "{\"password\":\"se\xf1orita\"}", "body", "not valid UTF-8 at byte 16"},
		"lone surrogate":   {plain, `{"password":"\ud800"}`, "body", "surrogate at byte 14"},
		"twice":            {plain, `{"password":"a","password":"b"}`, "body.password", "given twice"},
		"other case":       {plain, `{"Password":"a"}`, "Password", "told apart by case"},
		"other case below": {plain, `{"device":{"ID":"a"}}`, "device.ID", "told apart by case"},
		"unknown":          {plain, `{"pin":"a"}`, "pin", "unknown field"},
		"byte order mark":  {plain, "\xef\xbb\xbf{}", "body", "byte order mark"},
		"two":              {plain, `{} {}`, "body", "nothing more"},
		"other kind":       {plain, `{"password":7}`, "password", "must be a string"},
		"charset":          {"application/json; charset=iso-8859-1", `{}`, "Content-Type", "charset"},
	} {
		r, _ := request(t, http.MethodPost, "/", c.media, c.body)
		err := read(r, &signInRequest{})
		field, ok := errors.AsType[*events.FieldError](err)
		if !ok || field.Field != c.field || !strings.Contains(field.Problem, c.problem) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, media := range []string{plain, "application/json;charset=UTF-8", `Application/JSON ; charset="utf-8"`} {
		r, _ := request(t, http.MethodPost, "/", media, `{"password":"señorita"}`)
		var in signInRequest
		if err := read(r, &in); err != nil || in.Password != "señorita" {
			t.Errorf("%s: %q, %v", media, in.Password, err)
		}
	}
}

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"wait=5": 5 * time.Second, "wait=99999": maxWait, "wait=99999999999999999999999": maxWait, "respond-async, wait=2": 2 * time.Second, "wait=-1": 0, "": 0,
	} {
		r, _ := request(t, http.MethodPost, "/", "", "")
		r.Header.Set("Prefer", header)
		if got := wait(r); got != want {
			t.Errorf("Prefer: %s waits %s, not %s", header, got, want)
		}
	}
}
