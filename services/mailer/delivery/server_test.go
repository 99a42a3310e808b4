package delivery

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, password string
		want          Server
	}{
		{"smtp://mail.example.com", "", Server{Host: "mail.example.com", Port: "587", Encryption: Required}},
		{"smtp://mail.example.com:25/", "", Server{Host: "mail.example.com", Port: "25", Encryption: Required}},
		{"smtp://me@mail.example.com:2525", "pw", Server{Host: "mail.example.com", Port: "2525", Encryption: Required, User: "me"}},
		{"smtp://me%40acme.example@mail.example.com", "pw", Server{Host: "mail.example.com", Port: "587", Encryption: Required, User: "me@acme.example"}},
		{"smtps://me@mail.example.com", "pw", Server{Host: "mail.example.com", Port: "465", Encryption: Implicit, User: "me"}},
		{"smtp://mailpit:1025?starttls=never", "", Server{Host: "mailpit", Port: "1025", Encryption: Never}},
		{"smtp://mailpit:1025?starttls=opportunistic", "", Server{Host: "mailpit", Port: "1025", Encryption: Opportunistic}},
		{"smtp://localhost:1025", "", Server{Host: "localhost", Port: "1025", Encryption: Opportunistic}},
		{"smtp://127.0.0.1:1025", "", Server{Host: "127.0.0.1", Port: "1025", Encryption: Opportunistic}},
		{"smtp://[::1]:1025", "", Server{Host: "::1", Port: "1025", Encryption: Opportunistic}},
		{"smtp://me@[::1]:1025", "pw", Server{Host: "::1", Port: "1025", Encryption: Opportunistic, User: "me"}},
		{"smtp://localhost:1025?starttls=required", "", Server{Host: "localhost", Port: "1025", Encryption: Required}},
	} {
		got, err := ParseServers(c.url, c.password)
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %+v, %v; want %+v", c.url, got, err, c.want)
			continue
		}
		if c.want.User != "" {
			if secret, err := got[0].Secret(); err != nil || secret != c.password {
				t.Errorf("%s: secret %q, %v", c.url, secret, err)
			}
			got[0].Secret = nil
		}
		if diff := cmp.Diff(c.want, got[0]); diff != "" {
			t.Errorf("%s: %s", c.url, diff)
		}
	}
}

func TestParseServersRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, password, hint string }{
		{"", "", "is empty"},
		{"mail.example.com:25", "", "SMTP_URL"},
		{"http://mail.example.com", "", "scheme"},
		{"smtp://", "", "no host"},
		{"smtp://me:hunter2@mail.example.com", "", "SMTP_PASSWORD"},
		{"smtp://me:hunter2@mail.example.com:x y", "", "not a URL"},
		{"smtp://mail.example.com", "hunter2", "no URL in SMTP_URL has a user"},
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
		_, err := ParseServers(c.url, c.password)
		if err == nil || !strings.Contains(err.Error(), c.hint) {
			t.Errorf("%s: %v, want an error with %q", c.url, err, c.hint)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
