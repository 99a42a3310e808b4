package delivery

import (
	"os"
	"path/filepath"
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

func file(t *testing.T, body string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSeveralServers(t *testing.T) {
	t.Parallel()
	password, token := file(t, "one\n"), file(t, "two")
	servers, err := ParseServers("smtp://me@a.example?password-file="+password+"&auth=cram-md5, smtps://you@b.example?token-file="+token+"\nsmtp://her@c.example:25  smtp://localhost", "three")
	if err != nil || len(servers) != 4 {
		t.Fatalf("%+v, %v", servers, err)
	}
	for i, want := range []struct {
		addr      string
		secret    string
		mechanism Mechanism
	}{{"a.example:587", "one", CRAMMD5}, {"b.example:465", "two", XOAUTH2}, {"c.example:25", "three", ""}, {"localhost:587", "", ""}} {
		secret := ""
		if servers[i].Secret != nil {
			secret, _ = servers[i].Secret()
		}
		if servers[i].Addr() != want.addr || secret != want.secret || servers[i].Mechanism != want.mechanism {
			t.Errorf("%+v with %q, want %+v", servers[i], secret, want)
		}
	}
}

func TestSeveralServersRefused(t *testing.T) {
	t.Parallel()
	secret := file(t, "hunter2")
	for list, hint := range map[string]string{
		"smtp://a.example, smtp://b.example:x":                                             "SMTP_URL: server 2: is not a URL",
		"smtp://a.example, http://b.example":                                               "SMTP_URL: server 2: scheme",
		"smtp://me@a.example smtp://me@b.example":                                          "is not given to several servers",
		"smtp://me@a.example?password-file=/does/not/exist":                                "no such file",
		"smtp://me@a.example?password-file=" + file(t, "\n"):                               "is empty",
		"smtp://a.example?password-file=" + secret:                                         "has no user",
		"smtp://me@a.example?auth=xoauth2&password-file=" + secret:                         "belong together",
		"smtp://me@a.example?auth=ntlm&password-file=" + secret:                            "use plain, login, cram-md5 or xoauth2",
		"smtp://me@a.example?token-file=" + secret + "&password-file=" + secret:            "use one of them",
		"smtp://me@a.example?password-file=" + secret + "&password-file=" + secret:         "give it one value",
		"smtp://a.example?cert-file=" + secret:                                             "belong together",
		"smtp://a.example?cert-file=" + secret + "&key-file=" + secret:                     "failed to find",
		"smtp://a.example?starttls=never&cert-file=" + secret + "&key-file=" + secret:      "shows nobody a certificate",
		"smtp://me@a.example?starttls=never&password-file=" + secret:                       "show the password",
		"smtp://me@a.example?password-file=" + secret + " smtp://you:hunter2@b.example:25": "carries a password",
	} {
		_, err := ParseServers(list, map[bool]string{true: "hunter2"}[strings.Contains(hint, "several")])
		if err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %v, want an error with %q", list, err, hint)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
