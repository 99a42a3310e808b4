package letter

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What every kind of mail says in every language, as text and as HTML, and its
// bytes in one.
func TestGolden(t *testing.T) {
	t.Parallel()
	b := examples(t)
	for _, kind := range Kinds() {
		for _, locale := range b.Locales("acme") {
			l := letter(kind)
			l.Locale = locale
			m := render(t, b, l)
			p := read(t, m.Bytes)
			golden(t, fmt.Sprintf("%s.%s.txt", kind, locale), p.text())
			golden(t, fmt.Sprintf("%s.%s.html", kind, locale), p.html())
			if locale == "en" {
				golden(t, fmt.Sprintf("%s.%s.eml", kind, locale), string(m.Bytes))
			}
		}
		arabic := letter(kind)
		arabic.Tenant, arabic.Name = "globex", "ليلى"
		golden(t, fmt.Sprintf("%s.ar.txt", kind), read(t, render(t, b, arabic).Bytes).text())
		golden(t, fmt.Sprintf("%s.ar.html", kind), read(t, render(t, b, arabic).Bytes).html())
	}
}

// digest is one line for all mails there are.
func digest(t *testing.T) string {
	t.Helper()
	b, sum := examples(t), sha256.New()
	for _, tenant := range append(b.Tenants(), "nobody") {
		for _, locale := range b.Locales(tenant) {
			for _, kind := range Kinds() {
				l := letter(kind)
				l.Tenant, l.Locale = tenant, locale
				sum.Write(render(t, b, l).Bytes)
			}
		}
	}
	return fmt.Sprintf("digest %x", sum.Sum(nil))
}

// The same letter gives the same bytes: at once in many goroutines, and in other
// processes.
func TestSameBytesEverywhere(t *testing.T) {
	want := digest(t)
	if os.Getenv("LETTER_DIGEST") != "" {
		fmt.Println(want)
		return
	}
	b := examples(t)
	first := render(t, b, letter(Welcome))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if m, err := b.Render(letter(Welcome)); err != nil || string(m.Bytes) != string(first.Bytes) {
				t.Errorf("a letter rendered again is a different mail: %v", err)
			}
		})
	}
	wg.Wait()
	for range 3 {
		other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSameBytesEverywhere$")
		other.Env = append(os.Environ(), "LETTER_DIGEST=1")
		out, err := other.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("another process says %s (%v), want %s", out, err, want)
		}
	}
}

func TestHeaderOfAMail(t *testing.T) {
	t.Parallel()
	b := examples(t)
	l := letter(Welcome)
	l.Locale = "de-AT"
	m := render(t, b, l)
	p := read(t, m.Bytes)
	for field, want := range map[string]string{
		"Message-Id":       "<5f0c9f2e-9a3b-5c1d-8e4f-1234567890ab@acme.example>",
		"Auto-Submitted":   "auto-generated",
		"Content-Language": "de",
		"Subject":          "Ihr Softphone ist bereit",
		"List-Unsubscribe": "",
	} {
		if got, err := p.header.Text(field); err != nil || got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if got, err := p.header.Date(); err != nil || !got.Equal(l.Date) {
		t.Errorf("Date %v, %v", got, err)
	}
	for field, want := range map[string]mail.Address{
		"From": {Name: "Acme Phones", Address: "softphone@acme.example"}, "Reply-To": {Name: "Acme Phones", Address: "help@acme.example"},
		"To": {Name: "Anna Müller", Address: "anna@example.com"},
	} {
		if got := p.address(t, field); got != want {
			t.Errorf("%s: %v, want %v", field, got, want)
		}
	}
	if m.From != "softphone@acme.example" || m.To != l.To || m.Locale != "de" || m.MessageID != b.MessageID("acme", l.CauseID) ||
		m.MessageID != p.header.Get("Message-Id") {
		t.Errorf("the envelope is %+v", m)
	}
}

// Every picture is in the mail that shows it, and no other is.
func TestShapeOfAMail(t *testing.T) {
	t.Parallel()
	b := examples(t)
	const one = "multipart/alternative\n text/plain\n multipart/related\n  text/html\n  image/png\n"
	for _, c := range []struct {
		tenant string
		kind   Kind
		shape  string
	}{
		{"acme", Welcome, one + "  image/png\n"},
		{"acme", PasswordChanged, one},
		{"nobody", Welcome, one},
		{"nobody", PasswordChanged, "multipart/alternative\n text/plain\n text/html\n"},
	} {
		l := letter(c.kind)
		l.Tenant = c.tenant
		p := read(t, render(t, b, l).Bytes)
		if p.shape != c.shape {
			t.Errorf("%s to %s:\n%s", c.kind, c.tenant, p.shape)
		}
		for id := range p.parts {
			if strings.Contains(id, "@") && strings.Count(p.html(), `src="cid:`+id+`"`) != 1 {
				t.Errorf("%s to %s: picture %s is not shown once:\n%s", c.kind, c.tenant, id, p.html())
			}
		}
		if n := strings.Count(p.html(), "cid:"); n != strings.Count(c.shape, "image/png") {
			t.Errorf("%s to %s: %d pictures are shown", c.kind, c.tenant, n)
		}
	}
}

// What a mail must say, in all languages: what the person needs, and nothing of
// what another mail needs.
func TestWhatMailsSay(t *testing.T) {
	t.Parallel()
	b := examples(t)
	links := []string{"https://acme.example/softphone", "/mac", "/iphone", "/android", "/windows?lang=en&arch=x64"}
	for _, locale := range b.Locales("acme") {
		for kind, wants := range map[Kind][]string{
			Welcome: links, PasswordChanged: links, DeviceLimitReached: {"Anna’s MacBook (Mac)", "Pixel 9 (Android)", "Windows", "Tablet in the hall"},
		} {
			l := letter(kind)
			l.Locale = locale
			p := read(t, render(t, b, l).Bytes)
			html := strings.NewReplacer("&amp;", "&", "&#43;", "+", "<bdi>", "", "</bdi>", "").Replace(p.html())
			for _, want := range append(wants, "Anna Müller", "anna.1001", "help@acme.example", "+49 30 1234567", "Acme Phones") {
				if !strings.Contains(p.text(), want) || !strings.Contains(html, want) {
					t.Errorf("%s in %s does not say %q:\n%s", kind, locale, want, p.text())
				}
			}
			if strings.Contains(p.text(), "{") || strings.Contains(p.text(), "%!") {
				t.Errorf("%s in %s has a place that is not filled:\n%s", kind, locale, p.text())
			}
		}
	}
}

// Without support, name or devices nothing of them is left over.
func TestLittleIsKnown(t *testing.T) {
	t.Parallel()
	b := open(t, config(t))
	for _, kind := range Kinds() {
		l := letter(kind)
		l.Name, l.DeviceLimit, l.Devices = "", 1, []Device{{Platform: "other"}}
		p := read(t, render(t, b, l).Bytes)
		for _, left := range []string{"Hello ,", "E-mail:", "\nPhone:", "<bdi></bdi>", "<img src=\"cid:logo", "1 devices", "up to 1"} {
			if strings.Contains(p.text()+p.html(), left) {
				t.Errorf("%s says %q:\n%s", kind, left, p.text())
			}
		}
		if !strings.HasPrefix(p.text(), "Hello,\r\n") {
			t.Errorf("%s begins:\n%s", kind, p.text())
		}
	}
}

// More devices than are listed are not kept secret.
func TestMoreDevices(t *testing.T) {
	t.Parallel()
	l := letter(DeviceLimitReached)
	for limit, more := range map[int]bool{4: false, 20: true} {
		l.DeviceLimit = limit
		if p := read(t, render(t, examples(t), l).Bytes); strings.Contains(p.text(), "…") != more || strings.Contains(p.html(), "…") != more {
			t.Errorf("4 of %d devices:\n%s", limit, p.text())
		}
	}
}

// Names as people have them; the MIME builder alone gets several of them wrong.
func TestDisplayNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"Anna", "Anna"},
		{"Doe, John", "Doe, John"},
		{"Doe,John,,Jr.", "Doe,John,,Jr."},
		{"Müller, Jörg", "Müller, Jörg"},
		{`Ann "The Voice" O'Neil`, `Ann "The Voice" O'Neil`},
		{`back\slash`, `back\slash`},
		{"anna@evil.example", "anna@evil.example"},
		{"Anna <anna@evil.example>", "Anna <anna@evil.example>"},
		{"group: a;", "group: a;"},
		{"=?utf-8?q?literal?=", "=?utf-8?q?literal?="},
		{"李小龍", "李小龍"},
		{"ليلى", "ليلى"},
		{strings.Repeat("電", 128), strings.Repeat("電", 128)},
		{strings.Repeat("x", 128), strings.Repeat("x", 128)},
		{"🙂 smile", "🙂 smile"},
		{"", ""},
		{",", ","},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from := mail.Address{Name: c.name, Address: "noreply@acme.example"}
			answers := mail.Address{Name: c.name, Address: "support@acme.example"}
			b := open(t, config(t, "MAIL_FROM="+from.String(), "MAIL_REPLY_TO="+answers.String()))
			l := letter(Welcome)
			l.Name = c.name
			p := read(t, render(t, b, l).Bytes)
			for field, address := range map[string]string{"To": l.To, "From": from.Address, "Reply-To": answers.Address} {
				if got, want := p.address(t, field), (mail.Address{Name: c.want, Address: address}); got != want {
					t.Errorf("%s: %+v, want %+v", field, got, want)
				}
			}
		})
	}
}

// Every field, every character that could start a header or a line of its own.
func TestControlCharactersAreRefused(t *testing.T) {
	t.Parallel()
	b := examples(t)
	fields := map[string]func(*Letter, string){
		"kind":         func(l *Letter, s string) { l.Kind += Kind(s) },
		"to":           func(l *Letter, s string) { l.To += s },
		"display name": func(l *Letter, s string) { l.Name += s },
		"username":     func(l *Letter, s string) { l.Username += s },
		"cause id":     func(l *Letter, s string) { l.CauseID += s },
		"device name":  func(l *Letter, s string) { l.Devices = []Device{{Name: s}} },
	}
	for name, set := range fields {
		for _, bad := range []string{"\r\nBcc: evil@example.com", "\n", "\r", "\x00", "\r\n\r\nbody", "\x7f", "\u0085", "\xff"} {
			for _, kind := range Kinds() {
				l := letter(kind)
				set(&l, bad)
				if m, err := b.Render(l); err == nil {
					t.Errorf("%s with %q was rendered:\n%s", name, bad, m.Bytes)
				}
			}
		}
	}
}

// What would turn around the text after a name is dropped from it.
func TestNamesAreTamed(t *testing.T) {
	t.Parallel()
	l := letter(DeviceLimitReached)
	l.Name, l.Username, l.Devices[0].Name = "\u202eAnna\u2067 \u2028Lee", "\u202aanna\u202c", "\u2066Mac\u2069"
	p := read(t, render(t, examples(t), l).Bytes)
	for _, said := range []string{p.text(), p.html(), p.address(t, "To").Name} {
		if strings.ContainsAny(said, "\u2028\u202a\u202c\u202e\u2066\u2067\u2069") || !strings.Contains(said, "Anna Lee") {
			t.Errorf("%q", said)
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	b := examples(t)
	for _, to := range []string{
		"", "anna", "anna@", "@elsewhere.example", "a@b, c@d", "a,b@example.com", "Anna <anna@example.com>", "<anna@example.com>",
		`"quoted local"@example.com`, "anna@example.com (comment)", "anna @example.com", "anna\u00a0lee@example.com",
		strings.Repeat("a", 250) + "@example.com",
	} {
		l := letter(Welcome)
		l.To = to
		if _, err := b.Render(l); !errors.Is(err, ErrAddress) || len(to) > 12 && strings.Contains(err.Error(), to) {
			t.Errorf("%q: %v, want ErrAddress, without the address", to, err)
		}
	}
}

// The header has what every mail server takes wherever there is such a form.
func TestInternationalAddresses(t *testing.T) {
	t.Parallel()
	b := examples(t)
	for to, want := range map[string]string{
		"anna@exämple.com": "<anna@xn--exmple-cua.com>", "jörg@exämple.com": "<jörg@xn--exmple-cua.com>", "用户@例子.广告": "<用户@xn--fsqu00a.xn--4rr70v>",
	} {
		l := letter(Welcome)
		l.To = to
		m := render(t, b, l)
		head, _, _ := strings.Cut(string(m.Bytes), "\r\n\r\n")
		if !strings.Contains(head, want) || m.To != to {
			t.Errorf("%s: the header has no %s:\n%s", to, want, head)
		}
	}
}

// FuzzParticulars: whatever people and devices are called, a mail has the header
// fields and the markup it always has.
func FuzzParticulars(f *testing.F) {
	for _, seed := range []string{
		"Anna", "", "<img src=x onerror=alert(1)>", `"><script>alert(1)</script>`, "{{.Username}}", "a\r\nBcc: x@example.com", "=?utf-8?q?x?=",
		"ليلى", "</bdi>", "Content-Type: multipart/related;", "\xff", "a=\"b", "&lt;", "$", "%s", ".",
	} {
		f.Add(seed, seed, seed)
	}
	b := examples(f)
	f.Fuzz(func(t *testing.T, name, username, device string) {
		l := letter(DeviceLimitReached)
		plain := read(t, render(t, b, l).Bytes)
		l.Name, l.Username, l.Devices[0].Name = name, username, device
		m, err := b.Render(l)
		if err != nil {
			return
		}
		p := read(t, m.Bytes)
		if got, want := fields(p), fields(plain); !slices.Equal(got, want) {
			t.Errorf("the header has the fields %q, want %q", got, want)
		}
		anonymous := strings.Count(plain.html(), "<")
		if name == "" {
			anonymous -= 2 // the greeting's bdi
		}
		if device == "" {
			anonymous -= 2
		}
		if got := strings.Count(p.html(), "<"); got != anonymous {
			t.Errorf("%d tags begin, want %d:\n%s", got, anonymous, p.html())
		}
		if again := render(t, b, l); string(again.Bytes) != string(m.Bytes) {
			t.Error("rendered again it is a different mail")
		}
	})
}

func fields(p parsed) (names []string) {
	for f := p.header.Fields(); f.Next(); {
		names = append(names, f.Key())
	}
	return names
}

func BenchmarkRender(b *testing.B) {
	brands := examples(b)
	for _, kind := range Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			l := letter(kind)
			b.ReportAllocs()
			for b.Loop() {
				render(b, brands, l)
			}
		})
	}
}
