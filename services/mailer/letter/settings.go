package letter

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/mail"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/net/idna"
	"golang.org/x/text/language"
)

// settings are what a brand's file says, and what it inherits.
type settings struct {
	name         string
	logo         *picture // may be nil
	color        color
	email, phone string // of support; may be empty
	links        links
	page         string
	sender       mail.Address
	replyTo      mail.Address // the zero value: sender
	locale       language.Tag // for whoever reads none of ours
	off          map[Kind]bool
}

// links lead to the app.
type links struct{ Mac, IPhone, Windows, Android string }

// read overrides the settings by what a file says. Values that they share with what they
// inherit are not changed. A logo is read from beside the file.
func (s *settings) read(d document, content []byte, beside fs.FS) {
	s.off = maps.Clone(s.off)
	var email, replyTo string // of this file
	d.read(content, keys{
		"name":     d.check(&s.name, maxRunes(64)),
		"logo":     d.check(new(string), s.readLogo(beside)),
		"color":    d.check(new(string), readAs(&s.color, parseColor)),
		"page":     d.check(&s.page, checkWeb),
		"links":    func(n ast.Node) { d.mapping(n, s.linkKeys(d)) },
		"sender":   d.check(new(string), readAs(&s.sender, parseAddress)),
		"reply-to": d.check(&replyTo, readAs(&s.replyTo, parseAddress)),
		"locale":   d.check(new(string), readAs(&s.locale, parseLocale)),
		"support": func(n ast.Node) {
			d.mapping(n, keys{"email": d.check(&email, checkAddress), "phone": d.check(&s.phone, checkPhone)})
		},
		"kinds": func(n ast.Node) { d.mapping(n, s.kindKeys(d)) },
	})
	if email == "" {
		return
	}
	s.email = email
	if replyTo == "" {
		s.replyTo = mail.Address{Name: s.name, Address: email}
	}
}

func (s *settings) readLogo(beside fs.FS) func(string) error {
	return func(name string) error {
		if !fs.ValidPath(name) {
			return errors.New("is not the name of a file in the directory of brands")
		}
		content, err := fs.ReadFile(beside, name)
		if err != nil {
			return fmt.Errorf("cannot be read: %w", err)
		}
		s.logo, err = logo(content)
		return err
	}
}

func (s *settings) linkKeys(d document) keys {
	return keys{
		"mac": d.check(&s.links.Mac, checkWeb), "iphone": d.check(&s.links.IPhone, checkWeb),
		"windows": d.check(&s.links.Windows, checkWeb), "android": d.check(&s.links.Android, checkWeb),
	}
}

func (s *settings) kindKeys(d document) keys {
	all := keys{}
	for _, kind := range Kinds() {
		all[string(kind)] = func(n ast.Node) {
			if on, ok := d.flag(n); ok {
				s.off[kind] = !on
			}
		}
	}
	return all
}

// readAs stores the value of a text, if it is valid.
func readAs[T any](into *T, parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		value, err := parse(text)
		if err == nil {
			*into = value
		}
		return err
	}
}

// parseAddress reads an address of ours. Its domain must be one that mails can come from:
// otherwise each of them would fail.
func parseAddress(text string) (mail.Address, error) {
	address, err := mail.ParseAddress(text)
	if err != nil || checkAddress(address.Address) != nil {
		return mail.Address{}, errors.New("is not of the form Name <name@example.com>")
	}
	_, domain, _ := strings.Cut(strings.ReplaceAll(address.Address, tenantMark, "tenant"), "@")
	if _, err := idna.Lookup.ToASCII(domain); err != nil {
		return mail.Address{}, fmt.Errorf("is not an address mails can come from: %s is no valid domain name", domain)
	}
	return *address, nil
}

var errLocale = errors.New("is not a language such as en, de or pt-BR")

func parseLocale(text string) (language.Tag, error) {
	tag, err := language.Parse(text)
	if err != nil || tag == language.Und {
		return language.Und, errLocale
	}
	return tag, nil
}

func maxRunes(n int) func(string) error {
	return func(text string) error {
		if len([]rune(text)) > n {
			return errTooLong
		}
		return nil
	}
}

var errTooLong = errors.New("is too long; use at most 64 characters")

var phoneNumber = regexp.MustCompile(`^\+?[0-9][0-9 ()./-]{2,30}$`)

func checkPhone(text string) error {
	if !phoneNumber.MatchString(text) {
		return errors.New("is not a phone number such as +49 30 1234567")
	}
	return nil
}

// dialed is a phone number as a tel: link.
func dialed(phone string) string {
	return "tel:" + strings.Map(func(r rune) rune {
		if r == '+' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, phone)
}
