package mailer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	var c Config
	if err := process.Parse(&c, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := letter.Open(c.Mail); err != nil || c.Mail.IPhone != "https://softphone.example/download/iphone" {
		t.Errorf("%+v, %v", c.Mail, err)
	}
}

func TestFaultsAreToldTogether(t *testing.T) {
	t.Parallel()
	var c Config
	err := process.Parse(&c, []string{
		"SMTP_URL=smtp://me@mail.example.com?starttls=never", "SMTP_PASSWORD=hunter2", "SMTP_LOCAL_NAME=nowhere", "SMTP_CA_FILE=/does/not/exist",
		"MAIL_FROM=nobody", "MAIL_DOMAIN=local host", "DOWNLOAD_URL_MAC=ftp://x", "MAIL_CONCURRENCY=0", "MAIL_DEADLINE=1s",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, variable := range []string{"SMTP_URL", "SMTP_LOCAL_NAME", "SMTP_CA_FILE", "MAIL_FROM", "MAIL_CONCURRENCY", "MAIL_DEADLINE"} {
		if !strings.Contains(err.Error(), variable+":") {
			t.Errorf("%s is not named: %v", variable, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is shown: %v", err)
	}
}

// A sender that delivery would refuse is a fault at the start: every mail would fail
// for good.
func TestSenderIsFitForDelivery(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"softphone@mail_out.example.com", "Acme <softphone@-acme.example>", "softphone@xn--0.example"} {
		var c Config
		if err := process.Parse(&c, []string{"MAIL_FROM=" + from}); err == nil || !strings.Contains(err.Error(), "MAIL_FROM:") {
			t.Errorf("%s: %v, want a fault of MAIL_FROM", from, err)
		}
	}
}

func TestPasswordFromFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c Config
	if err := process.Parse(&c, []string{"SMTP_URL=smtps://me@mail.example.com", "SMTP_PASSWORD_FILE=" + file}); err != nil {
		t.Fatal(err)
	}
	smtp, err := c.SMTP.Config()
	if err != nil {
		t.Fatal(err)
	}
	if password, err := smtp.Servers[0].Secret(); err != nil || password != "hunter2" {
		t.Errorf("%v", err)
	}
}

func TestBounceSettings(t *testing.T) {
	t.Parallel()
	dir := maildir(t)
	for name, c := range map[string]struct {
		environment []string
		fault       string // its variable; "" for none
	}{
		"nothing":                 {nil, ""},
		"a Maildir":               {[]string{"MAIL_BOUNCES=" + dir}, ""},
		"no Maildir":              {[]string{"MAIL_BOUNCES=" + t.TempDir()}, "MAIL_BOUNCES"},
		"a hook":                  {[]string{"MAIL_BOUNCE_LISTEN=127.0.0.1:8026", "MAIL_BOUNCE_SECRET=0123456789abcdef"}, ""},
		"a hook without secret":   {[]string{"MAIL_BOUNCE_LISTEN=127.0.0.1:8026"}, "MAIL_BOUNCE_SECRET"},
		"a hook, short secret":    {[]string{"MAIL_BOUNCE_LISTEN=127.0.0.1:8026", "MAIL_BOUNCE_SECRET=0123456789"}, "MAIL_BOUNCE_SECRET"},
		"a hook, no address":      {[]string{"MAIL_BOUNCE_LISTEN=here", "MAIL_BOUNCE_SECRET=0123456789abcdef"}, "MAIL_BOUNCE_LISTEN"},
		"a secret without hook":   {[]string{"MAIL_BOUNCE_SECRET=0123456789abcdef"}, "MAIL_BOUNCE_SECRET"},
		"a sender":                {[]string{"MAIL_BOUNCE_ADDRESS=bounces@example.com"}, ""},
		"a sender with a name":    {[]string{"MAIL_BOUNCE_ADDRESS=Bounces <bounces@example.com>"}, "MAIL_BOUNCE_ADDRESS"},
		"a sender nobody can be":  {[]string{"MAIL_BOUNCE_ADDRESS=bounces@mail_out.example.com"}, "MAIL_BOUNCE_ADDRESS"},
		"a sender that is no one": {[]string{"MAIL_BOUNCE_ADDRESS=bounces"}, "MAIL_BOUNCE_ADDRESS"},
	} {
		var config Config
		err := process.Parse(&config, c.environment)
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault+":")) {
			t.Errorf("%s: %v, want a fault of %q", name, err, c.fault)
		}
		if err != nil && strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%s: the secret is shown: %v", name, err)
		}
	}
}
