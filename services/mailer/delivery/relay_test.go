package delivery

import (
	"strings"
	"testing"
)

func TestParseRelay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, password string
		want          Relay
	}{
		{"smtp://mail.example.com", "", Relay{"mail.example.com", "587", Required, "", ""}},
		{"smtp://mail.example.com:25/", "", Relay{"mail.example.com", "25", Required, "", ""}},
		{"smtp://me@mail.example.com:2525", "pw", Relay{"mail.example.com", "2525", Required, "me", "pw"}},
		{"smtp://me%40acme.example@mail.example.com", "pw", Relay{"mail.example.com", "587", Required, "me@acme.example", "pw"}},
		{"smtps://me@mail.example.com", "pw", Relay{"mail.example.com", "465", Implicit, "me", "pw"}},
		{"smtp://mailpit:1025?starttls=never", "", Relay{"mailpit", "1025", Never, "", ""}},
		{"smtp://mailpit:1025?starttls=opportunistic", "", Relay{"mailpit", "1025", Opportunistic, "", ""}},
		{"smtp://localhost:1025", "", Relay{"localhost", "1025", Opportunistic, "", ""}},
		{"smtp://127.0.0.1:1025", "", Relay{"127.0.0.1", "1025", Opportunistic, "", ""}},
		{"smtp://[::1]:1025", "", Relay{"::1", "1025", Opportunistic, "", ""}},
		{"smtp://me@[::1]:1025", "pw", Relay{"::1", "1025", Opportunistic, "me", "pw"}},
		{"smtp://localhost:1025?starttls=required", "", Relay{"localhost", "1025", Required, "", ""}},
	} {
		got, err := ParseRelay(c.url, c.password)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.url, got, err, c.want)
		}
	}
}

func TestParseRelayRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, password, hint string }{
		{"", "", "scheme"},
		{"mail.example.com:25", "", "SMTP_URL"},
		{"http://mail.example.com", "", "scheme"},
		{"smtp://", "", "no host"},
		{"smtp://me:hunter2@mail.example.com", "", "SMTP_PASSWORD"},
		{"smtp://me:hunter2@mail.example.com:x y", "", "not a URL"},
		{"smtp://mail.example.com", "hunter2", "names no user"},
		{"smtp://me@mail.example.com", "", "SMTP_PASSWORD"},
		{"smtp://me@mail.example.com?starttls=never", "hunter2", "show the password"},
		{"smtp://me@mail.example.com?starttls=opportunistic", "hunter2", "show the password"},
		{"smtp://mail.example.com?starttls=maybe", "", "required, opportunistic or never"},
		{"smtps://mail.example.com?starttls=never", "", "smtps"},
		{"smtp://mail.example.com?tls=no", "", "unknown parameter"},
		{"smtp://mail.example.com:0", "", "port"},
		{"smtp://mail.example.com:99999", "", "port"},
		{"smtp://mail.example.com/path", "", "follow"},
	} {
		_, err := ParseRelay(c.url, c.password)
		if err == nil || !strings.Contains(err.Error(), c.hint) {
			t.Errorf("%s: %v, want an error with %q", c.url, err, c.hint)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
