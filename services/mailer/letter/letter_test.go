package letter

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	gomail "github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func acme() letterhead {
	return letterhead{
		From:    mail.Address{Name: "Acme Telephony", Address: "noreply@acme.example"},
		ReplyTo: mail.Address{Name: "Acme Support", Address: "support@acme.example"},
		Domain:  "mail.acme.example",
		Links: Links{
			Mac: "https://softphone.example/mac", IPhone: "https://softphone.example/iphone",
			Windows: "https://softphone.example/windows?lang=en&arch=x64", Android: "https://softphone.example/android",
		},
	}
}

func letter(kind Kind) Letter {
	return Letter{
		Kind: kind, To: "anna@example.com", Name: "Anna Müller", Username: "anna.1001", DeviceLimit: 4,
		CauseID: "5f0c9f2e-9a3b-5c1d-8e4f-1234567890ab",
		Date:    time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	one := letter(Welcome)
	one.DeviceLimit, one.Name = 1, ""
	for name, l := range map[string]Letter{
		"welcome": letter(Welcome), "password-changed": letter(PasswordChanged), "welcome-one-device-no-name": one,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := acme().render(l)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the mail changed; look at it, then run with -update:\n%s", diff)
			}
		})
	}
}

func TestRenderIsRepeatable(t *testing.T) {
	t.Parallel()
	first, err := acme().render(letter(Welcome))
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		again, err := acme().render(letter(Welcome))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("a letter rendered again is a different mail")
		}
	}
}

// parsed is a mail as a mail program sees it.
type parsed struct {
	header gomail.Header
	parts  map[string]string // content type → decoded body
}

func parse(t *testing.T, raw []byte) parsed {
	t.Helper()
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("a line has %d octets or a bare CR or LF", len(line))
		}
	}
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("not a well-formed mail: %v\n%s", err, raw)
	}
	p := parsed{header: gomail.Header{Header: entity.Header}, parts: map[string]string{}}
	if err := entity.Walk(func(path []int, part *message.Entity, err error) error {
		if err != nil || len(path) == 0 {
			return err
		}
		kind, params, err := part.Header.ContentType()
		if err != nil {
			return err
		}
		if !strings.EqualFold(params["charset"], "utf-8") {
			return errors.New("a part is not UTF-8")
		}
		body, err := io.ReadAll(part.Body)
		p.parts[kind] = string(body)
		return err
	}); err != nil {
		t.Fatalf("not a well-formed mail: %v\n%s", err, raw)
	}
	return p
}

func (p parsed) address(t *testing.T, field string) mail.Address {
	t.Helper()
	list, err := p.header.AddressList(field)
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %v, %v; want one address", field, list, err)
	}
	return mail.Address{Name: list[0].Name, Address: list[0].Address}
}

func TestHeaderOfAMail(t *testing.T) {
	t.Parallel()
	raw, err := acme().render(letter(Welcome))
	if err != nil {
		t.Fatal(err)
	}
	p := parse(t, raw)
	if id := p.header.Values("Message-Id"); len(id) != 1 || id[0] != "<5f0c9f2e-9a3b-5c1d-8e4f-1234567890ab@mail.acme.example>" {
		t.Errorf("Message-Id %q", id)
	}
	if got := p.header.Get("Auto-Submitted"); got != "auto-generated" {
		t.Errorf("Auto-Submitted %q", got)
	}
	if got, err := p.header.Date(); err != nil || !got.Equal(letter(Welcome).Date) {
		t.Errorf("Date %v, %v", got, err)
	}
	for field, want := range map[string]mail.Address{
		"From": acme().From, "Reply-To": acme().ReplyTo, "To": {Name: "Anna Müller", Address: "anna@example.com"},
	} {
		if got := p.address(t, field); got != want {
			t.Errorf("%s: %v, want %v", field, got, want)
		}
	}
	for kind, links := range map[string][]string{
		"text/plain": {"https://softphone.example/windows?lang=en&arch=x64"},
		"text/html":  {"https://softphone.example/windows?lang=en&amp;arch=x64"},
	} {
		body, ok := p.parts[kind]
		if !ok {
			t.Fatalf("no %s part", kind)
		}
		for _, want := range append(links, "https://softphone.example/mac", "https://softphone.example/iphone",
			"https://softphone.example/android", "anna.1001", "Anna Müller", "up to 4 devices") {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q:\n%s", kind, want, body)
			}
		}
	}
}

// Names as people have them; the MIME builder alone gets several of them wrong.
func TestDisplayNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"Anna", "Anna"},
		{"Doe, John", "Doe John"},
		{"Doe,John,,Jr.", "Doe John Jr."},
		{"Müller, Jörg", "Müller Jörg"},
		{`Ann "The Voice" O'Neil`, `Ann "The Voice" O'Neil`},
		{`back\slash`, `back\slash`},
		{"anna@evil.example", "anna@evil.example"},
		{"Anna <anna@evil.example>", "Anna <anna@evil.example>"},
		{"group: a;", "group: a;"},
		{"=?utf-8?q?literal?=", "=?utf-8?q?literal?="},
		{"李小龍", "李小龍"},
		{strings.Repeat("電", 128), strings.Repeat("電", 128)},
		{strings.Repeat("x", 128), strings.Repeat("x", 128)},
		{"🙂 smile", "🙂 smile"},
		{"", ""},
		{",", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, h := letter(Welcome), acme()
			l.Name, h.From.Name, h.ReplyTo.Name = c.name, c.name, c.name
			raw, err := h.render(l)
			if err != nil {
				t.Fatal(err)
			}
			p := parse(t, raw)
			for field, address := range map[string]string{
				"To": l.To, "From": h.From.Address, "Reply-To": h.ReplyTo.Address,
			} {
				if got, want := p.address(t, field), (mail.Address{Name: c.want, Address: address}); got != want {
					t.Errorf("%s: %+v, want %+v", field, got, want)
				}
			}
		})
	}
}

func TestMarkupIsEscaped(t *testing.T) {
	t.Parallel()
	l := letter(Welcome)
	l.Name, l.Username = `<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`
	raw, err := acme().render(l)
	if err != nil {
		t.Fatal(err)
	}
	if html := parse(t, raw).parts["text/html"]; strings.Contains(html, "<script") || strings.Contains(html, "<img") {
		t.Errorf("markup of a name is alive:\n%s", html)
	}
}

// Every field, every character that could start a header or a line of its own.
func TestControlCharactersAreRefused(t *testing.T) {
	t.Parallel()
	fields := map[string]func(*letterhead, *Letter, string){
		"From name":        func(h *letterhead, _ *Letter, s string) { h.From.Name += s },
		"From address":     func(h *letterhead, _ *Letter, s string) { h.From.Address += s },
		"Reply-To name":    func(h *letterhead, _ *Letter, s string) { h.ReplyTo.Name += s },
		"Reply-To address": func(h *letterhead, _ *Letter, s string) { h.ReplyTo.Address += s },
		"domain":           func(h *letterhead, _ *Letter, s string) { h.Domain += s },
		"link mac":         func(h *letterhead, _ *Letter, s string) { h.Links.Mac += s },
		"link iphone":      func(h *letterhead, _ *Letter, s string) { h.Links.IPhone += s },
		"link windows":     func(h *letterhead, _ *Letter, s string) { h.Links.Windows += s },
		"link android":     func(h *letterhead, _ *Letter, s string) { h.Links.Android += s },
		"kind":             func(_ *letterhead, l *Letter, s string) { l.Kind += Kind(s) },
		"to":               func(_ *letterhead, l *Letter, s string) { l.To += s },
		"display name":     func(_ *letterhead, l *Letter, s string) { l.Name += s },
		"username":         func(_ *letterhead, l *Letter, s string) { l.Username += s },
		"cause id":         func(_ *letterhead, l *Letter, s string) { l.CauseID += s },
	}
	for name, set := range fields {
		for _, bad := range []string{"\r\nBcc: evil@example.com", "\n", "\r", "\x00", "\r\n\r\nbody", "\x7f", "\u0085"} {
			for _, kind := range []Kind{Welcome, PasswordChanged} {
				h, l := acme(), letter(kind)
				set(&h, &l, bad)
				if raw, err := h.render(l); err == nil {
					t.Errorf("%s with %q was rendered:\n%s", name, bad, raw)
				}
			}
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"", "anna", "anna@", "@example.com", "a@b, c@d", "a,b@example.com", "Anna <anna@example.com>", "<anna@example.com>",
		`"quoted local"@example.com`, "anna@example.com (comment)", "anna @example.com", "jörg@example.com", "a@exämple.com",
		strings.Repeat("a", 250) + "@example.com",
	} {
		l := letter(Welcome)
		l.To = to
		if _, err := acme().render(l); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v, want ErrAddress", to, err)
		}
	}
}

func TestDomainAndLinksAreChecked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*letterhead){
		"MAIL_DOMAIN":          func(h *letterhead) { h.Domain = "localhost" },
		"DOWNLOAD_URL_MAC":     func(h *letterhead) { h.Links.Mac = "" },
		"DOWNLOAD_URL_IPHONE":  func(h *letterhead) { h.Links.IPhone = "javascript:alert(1)" },
		"DOWNLOAD_URL_WINDOWS": func(h *letterhead) { h.Links.Windows = "/relative" },
		"DOWNLOAD_URL_ANDROID": func(h *letterhead) { h.Links.Android = "https://" },
		"MAIL_FROM":            func(h *letterhead) { h.From.Address = "nobody" },
		"MAIL_REPLY_TO":        func(h *letterhead) { h.ReplyTo.Address = "nobody" },
	} {
		h := acme()
		change(&h)
		if err := h.validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want an error that names it", name, err)
		}
	}
}

func TestReplyToOfATenant(t *testing.T) {
	t.Parallel()
	m := Config{
		From: "noreply@acme.example", ReplyTo: "{tenant} support <support+{tenant}@acme.example>",
		Mac: "https://x.example", IPhone: "https://x.example", Windows: "https://x.example", Android: "https://x.example",
	}
	h, err := m.letterhead()
	if err != nil {
		t.Fatal(err)
	}
	if got := header(h.of("globex").ReplyTo); got != `"globex support" <support+globex@acme.example>` {
		t.Errorf("%s", got)
	}
}
