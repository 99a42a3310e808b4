package bounce

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestHook(t *testing.T) {
	t.Parallel()
	const secret = "correct horse battery staple"
	notification := string(sample(t, "postfix-failed.eml"))
	for name, c := range map[string]struct {
		method, path, authorization, body string
		answer                            error // the taker's
		want                              int
		taken                             int
	}{
		"on record":      {"POST", "/bounces", "Bearer " + secret, notification, nil, 204, 1},
		"no token":       {"POST", "/bounces", "", notification, nil, 401, 0},
		"a wrong token":  {"POST", "/bounces", "Bearer " + secret + "x", notification, nil, 401, 0},
		"an empty token": {"POST", "/bounces", "Bearer ", notification, nil, 401, 0},
		"another scheme": {"POST", "/bounces", "Basic " + secret, notification, nil, 401, 0},
		"no bounce":      {"POST", "/bounces", "Bearer " + secret, string(sample(t, "vacation.eml")), nil, 400, 0},
		"unknown mail":   {"POST", "/bounces", "Bearer " + secret, notification, ErrUnknownMail, 404, 1},
		"log away":       {"POST", "/bounces", "Bearer " + secret, notification, errors.New("away: secret detail"), 503, 1},
		"too large":      {"POST", "/bounces", "Bearer " + secret, strings.Repeat("x", MaxSize+1), nil, 413, 0},
		"GET":            {"GET", "/bounces", "Bearer " + secret, "", nil, 405, 0},
		"elsewhere":      {"POST", "/", "Bearer " + secret, notification, nil, 404, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			taken := 0
			hook := Hook{Secret: secret, Logger: zerolog.Nop(), Take: func(_ context.Context, n Notification) error {
				if taken++; len(n.MessageIDs) == 0 {
					t.Error("about nothing")
				}
				return c.answer
			}}
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Authorization", c.authorization)
			w := httptest.NewRecorder()
			hook.Handler().ServeHTTP(w, r)
			body, _ := io.ReadAll(w.Body)
			if w.Code != c.want || taken != c.taken || strings.Contains(string(body), "detail") {
				t.Errorf("%d %s, taken %d times; want %d, %d times", w.Code, body, taken, c.want, c.taken)
			}
		})
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/bounces", strings.NewReader(notification))
	r.Header.Set("Authorization", "Bearer ")
	if (Hook{}).Handler().ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("without a secret: %d, want 401", w.Code)
	}
}
