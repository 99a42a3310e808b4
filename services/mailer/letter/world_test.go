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

	"github.com/mycloudpbx/softphone/services/internal/process"
)

var update = flag.Bool("update", false, "write the golden files")

// config is the settings that an environment gives.
func config(t testing.TB, environment ...string) Config {
	t.Helper()
	var c struct{ Mail Config }
	if err := process.Parse(&c, environment); err != nil {
		t.Fatal(err)
	}
	return c.Mail
}

// examples are the brands of testdata: acme with a logo, globex in Arabic.
func examples(t testing.TB) *Brands {
	t.Helper()
	return open(t, from(t, "testdata/brands"))
}

// from is settings with a directory of brands.
func from(t testing.TB, brands string, environment ...string) Config {
	t.Helper()
	c := config(t, environment...)
	c.Brands = brands
	return c
}

func open(t testing.TB, c Config) *Brands {
	t.Helper()
	b, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// folder writes a directory of brands.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	top := t.TempDir()
	for name, content := range files {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func letter(kind Kind) Letter {
	l := Letter{
		Kind: kind, Tenant: "acme", To: "anna@example.com", Name: "Anna Müller", Username: "anna.1001", DeviceLimit: 4,
		CauseID: "5f0c9f2e-9a3b-5c1d-8e4f-1234567890ab",
		Date:    time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
	}
	if kind == DeviceLimitReached {
		l.Devices = sampleDevices()
	}
	return l
}

func render(t testing.TB, b *Brands, l Letter) Mail {
	t.Helper()
	m, err := b.Render(l)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// parsed is a mail as a mail program sees it.
type parsed struct {
	header gomail.Header
	shape  string            // its media types, nested
	parts  map[string]string // content type, or Content-ID of a picture → decoded body
}

func (p parsed) text() string { return p.parts["text/plain"] }
func (p parsed) html() string { return p.parts["text/html"] }

func read(t testing.TB, raw []byte) parsed {
	t.Helper()
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("a line has %d octets or a bare CR or LF", len(line))
		}
	}
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if len(line) > 76 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("a header's line has %d characters: %s", len(line), line)
		}
	}
	for word := range strings.FieldsSeq(head) {
		if strings.HasPrefix(word, "=?") && len(word) > 75 {
			t.Errorf("an encoded word has %d characters: %s", len(word), word)
		}
	}
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("not a well-formed mail: %v\n%s", err, raw)
	}
	p := parsed{header: gomail.Header{Header: entity.Header}, parts: map[string]string{}}
	if err := entity.Walk(p.add); err != nil {
		t.Fatalf("not a well-formed mail: %v\n%s", err, raw)
	}
	return p
}

func (p *parsed) add(path []int, part *message.Entity, err error) error {
	if err != nil {
		return err
	}
	kind, params, err := part.Header.ContentType()
	if err != nil {
		return err
	}
	p.shape += strings.Repeat(" ", len(path)) + kind + "\n"
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		return nil
	case strings.HasPrefix(kind, "image/"):
		kind = strings.Trim(part.Header.Get("Content-Id"), "<>")
	case !strings.EqualFold(params["charset"], "utf-8"):
		return errors.New("a part is not UTF-8")
	}
	body, err := io.ReadAll(part.Body)
	p.parts[kind] = string(body)
	return err
}

func (p parsed) address(t testing.TB, field string) mail.Address {
	t.Helper()
	list, err := p.header.AddressList(field)
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %v, %v; want one address", field, list, err)
	}
	return mail.Address{Name: list[0].Name, Address: list[0].Address}
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s changed; look at it, then run with -update:\n%s", name, diff)
	}
}
