package letter

import (
	"errors"
	"net/mail"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Everything wrong in a directory is told at once, and where it is.
func TestFaultsAreToldTogether(t *testing.T) {
	t.Parallel()
	logo, err := os.ReadFile("testdata/brands/acme.png")
	if err != nil {
		t.Fatal(err)
	}
	top := folder(t, map[string]string{
		"default.yaml":                    "name: Example\nlocale: tlh-\nkinds:\n  newsletter: true\n  welcome: maybe\n",
		"acme.yaml":                       "name: Acme\nfonts: Comic Sans\ncolor: red\nlogo: none.png\nsupport:\n  email: nobody\n  phone: call me\n  fax: 1\nlinks:\n  mac: ftp://acme.example\n  iphone: [a]\n",
		"acme/templates/welcome.html":     "<p>{{.Say \"welcome.intro\"}}</p>\n<p>{{.Password}}</p>\n",
		"acme/templates/welcome.md":       "# Welcome\n",
		"acme/words/en.yaml":              "welcome:\n  title: \"Hi {first-name}\"\n  titel: Hi\n",
		"acme/words/it.yaml":              "mail:\n  greeting: Ciao\n",
		"acme/words/swedish.yaml":         "mail:\n",
		"big.yaml":                        "logo: big.png\n",
		"big.png":                         string(logo) + strings.Repeat("x", maxLogo),
		"broken.yaml":                     "name: Broken\n  color: \"#000000\"\n",
		"colors.yaml":                     "color: #123456\n",
		"colors/templates/layout.html":    "<p style=\"color:var(--tect)\">{{template \"content\" .}}</p>\n",
		"escape.yaml":                     "logo: ../../etc/passwd\n",
		"fine.yaml":                       "# nothing to say\n",
		"fine.png":                        string(logo),
		"Globex.yaml":                     "name: Globex\n",
		"initech.yml":                     "name: Initech\n",
		"italian.yaml":                    "locale: it\n",
		"lonely/words/de.yaml":            "mail:\n  help: Fragen?\n",
		"many.yaml":                       "name: Many\n---\nname: More\n",
		"markup.yaml":                     "logo: markup.png\n",
		"markup.png":                      "<svg/>",
		"nested.yaml":                     "name:\n  de: Verschachtelt\n",
		"plurals.yaml":                    "",
		"plurals/words/de.yaml":           "welcome:\n  get-text:\n    one: Ein Gerät\n    several: Geräte\n",
		"parsed.yaml":                     "",
		"parsed/templates/layout.txt":     "{{template \"content\" .}}\n{{if}}\n",
		"parts.yaml":                      "",
		"parts/templates/layout.html":     "<p>{{template \"content\" .}}</p>\n",
		"script.yaml":                     "",
		"script/templates/welcome.html":   "<script>var a = {{.Username}}\n\n{{if .More}}'{{end}}</script>\n",
		"twice.yaml":                      "name: A\nname: B\n",
		"unclosed.yaml":                   "",
		"unclosed/templates/welcome.html": "<p title=\"{{.Brand}}>\n",
	})
	_, err = Open(from(t, top))
	if _, are := errors.AsType[Faults](err); !are {
		t.Fatalf("%v", err)
	}
	golden(t, "faults.txt", strings.ReplaceAll(err.Error(), top, "brands")+"\n")
}

// A tenant's file says what is different from the default's, which says what is
// different from the environment.
func TestLayers(t *testing.T) {
	t.Parallel()
	top := folder(t, map[string]string{
		"default.yaml": "name: Default\nsender: Default <d@default.example>\npage: https://default.example/\nlinks: {mac: https://default.example/mac}\n" +
			"support: {email: help@default.example}\nkinds: {device-limit-reached: true, password-changed: false}\n",
		"default/words/en.yaml":      "mail:\n  help: Ask us.\n  why: By default.\n",
		"acme.yaml":                  "support: {email: help@acme.example}\nkinds: {password-changed: true}\n",
		"acme/words/en.yaml":         "mail:\n  help: Ask Acme.\n",
		"acme/templates/welcome.txt": "Acme only: {{.Username}}\n",
		"globex.yaml":                "support: {phone: 0800 123, email: y@globex.example}\nreply-to: Globex <x@globex.example>\n",
		"hooli.yaml":                 "support: {phone: 0900 456}\n",
	})
	b := open(t, from(t, top, "DOWNLOAD_URL_ANDROID=https://environment.example/android"))
	for _, c := range []struct {
		tenant, replyTo string
		on              []Kind
		says            []string
	}{
		{"acme", "help@acme.example", Kinds(), []string{"Acme only: anna.1001", "Ask Acme.", "By default."}},
		{"globex", "x@globex.example", []Kind{Welcome, DeviceLimitReached, EmailChanged}, []string{"0800 123", "y@globex.example", "Ask us."}},
		{"hooli", "help@default.example", []Kind{Welcome, DeviceLimitReached, EmailChanged}, []string{"0900 456", "help@default.example"}},
		{"nobody", "help@default.example", []Kind{Welcome, DeviceLimitReached, EmailChanged}, []string{"https://default.example/mac", "https://environment.example/android"}},
	} {
		l := letter(Welcome)
		l.Tenant = c.tenant
		m := render(t, b, l)
		p := read(t, m.Bytes)
		if got := p.address(t, "Reply-To").Address; got != c.replyTo || m.From != "d@default.example" {
			t.Errorf("%s: Reply-To %s, from %s", c.tenant, got, m.From)
		}
		for _, want := range c.says {
			if !strings.Contains(p.text(), want) {
				t.Errorf("%s does not say %q:\n%s", c.tenant, want, p.text())
			}
		}
		var on []Kind
		for _, kind := range Kinds() {
			if b.Sends(c.tenant, kind) {
				on = append(on, kind)
			}
		}
		if diff := cmp.Diff(c.on, on); diff != "" {
			t.Errorf("%s: %s", c.tenant, diff)
		}
	}
	if diff := cmp.Diff([]string{"acme", "globex", "hooli"}, b.Tenants()); diff != "" {
		t.Error(diff)
	}
}

// Without a directory there is what the environment says, and nobody is told of
// the limit of devices.
func TestDefaults(t *testing.T) {
	t.Parallel()
	b := open(t, config(t, "MAIL_FROM=Acme <noreply@acme.example>", "MAIL_REPLY_TO={tenant} support <support+{tenant}@acme.example>", "MAIL_DOMAIN=mail.acme.example"))
	l := letter(Welcome)
	l.Tenant = "globex"
	m := render(t, b, l)
	p := read(t, m.Bytes)
	if got := p.address(t, "Reply-To"); got != (mail.Address{Name: "globex support", Address: "support+globex@acme.example"}) {
		t.Errorf("Reply-To: %v", got)
	}
	if m.MessageID != "<"+l.CauseID+"@mail.acme.example>" || m.From != "noreply@acme.example" || !strings.Contains(p.text(), "Acme has set up") {
		t.Errorf("%+v\n%s", m, p.text())
	}
	if !b.Sends("globex", Welcome) || !b.Sends("globex", PasswordChanged) || b.Sends("globex", DeviceLimitReached) || !b.Sends("globex", EmailChanged) {
		t.Error("the wrong kinds are on")
	}
}

func TestTheEnvironmentIsChecked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"MAIL_DOMAIN":          func(c *Config) { c.Domain = "localhost" },
		"DOWNLOAD_URL:":        func(c *Config) { c.Page = "https://user:secret@softphone.example" },
		"DOWNLOAD_URL_MAC":     func(c *Config) { c.Mac = "" },
		"DOWNLOAD_URL_IPHONE":  func(c *Config) { c.IPhone = "javascript:alert(1)" },
		"DOWNLOAD_URL_WINDOWS": func(c *Config) { c.Windows = "/relative" },
		"DOWNLOAD_URL_ANDROID": func(c *Config) { c.Android = "https://" },
		"MAIL_FROM":            func(c *Config) { c.From = "nobody" },
		"MAIL_REPLY_TO":        func(c *Config) { c.ReplyTo = "a@b.example, c@d.example" },
		"MAIL_BRANDS":          func(c *Config) { c.Brands = "/does/not/exist" },
	} {
		c := config(t)
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error that names it", name, err)
		}
	}
}

// What is deployed works, and so does what it suggests.
func TestDeployedBrands(t *testing.T) {
	t.Parallel()
	const deployed = "../../../deploy/brands"
	render(t, open(t, from(t, deployed)), letter(Welcome))
	content, err := os.ReadFile(deployed + "/default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	logo, err := os.ReadFile("testdata/brands/acme.png")
	if err != nil {
		t.Fatal(err)
	}
	_, suggested, _ := strings.Cut(string(content), "#\n")
	suggested = strings.ReplaceAll("\n"+suggested, "\n# ", "\n")
	b := open(t, from(t, folder(t, map[string]string{"default.yaml": suggested, "default.png": string(logo)})))
	if p := read(t, render(t, b, letter(Welcome)).Bytes); !strings.Contains(p.text(), "Example Telephony") || !b.Sends("acme", DeviceLimitReached) {
		t.Errorf("%s", p.text())
	}
}

// A link that leads out of the directory of brands is not followed.
func TestBrandsStayInTheirDirectory(t *testing.T) {
	t.Parallel()
	top := folder(t, map[string]string{"acme.yaml": "logo: acme.png\n"})
	if err := os.Symlink("/etc/hostname", top+"/acme.png"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(from(t, top)); err == nil || !strings.Contains(err.Error(), "acme.yaml:1:7") {
		t.Errorf("%v", err)
	}
}
