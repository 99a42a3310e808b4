package letter

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrControlCharacter is a field with CR, LF, NUL or another control character
// in it, which could start a header of its own, or with bytes that are no text.
var ErrControlCharacter = errors.New("contains a control character")

func checkField(name, value string) error {
	if strings.ContainsFunc(value, unicode.IsControl) || !utf8.ValidString(value) {
		return fmt.Errorf("%s: %w", name, ErrControlCharacter)
	}
	return nil
}

// ErrAddress is not an address that mail can be sent to: without quotes, comments,
// lists or a display name. International ones are fine (RFC 6531), as they are in
// the contract of the events.
var ErrAddress = errors.New("is not an e-mail address of the form name@example.com")

// checkAddress does not repeat the address in its error, which gets logged.
func checkAddress(address string) error {
	if strings.ContainsFunc(address, unicode.IsControl) {
		return ErrControlCharacter
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || strings.ContainsFunc(address, unicode.IsSpace) || parsed.Address != address || parsed.Name != "" || len(address) > 254 ||
		strings.ContainsAny(address, " \",;:\\()<>[]") {
		return ErrAddress
	}
	return nil
}

func prefix(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}

var errWeb = errors.New("is not a web address such as https://example.com/app")

// checkWeb accepts absolute web addresses only.
func checkWeb(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		strings.ContainsFunc(address, unicode.IsControl) || len(address) > 500 {
		return errWeb
	}
	return nil
}

// domainName is a fully qualified one, as the right-hand side of Message-Id must be.
var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// sanitize drops from a name the characters that would reverse the text after it (UAX #9's embeddings, overrides and
// isolates) or break its line. Phones put them around copied text, so such a name is no reason to refuse a mail.
func sanitize(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '\u2028' || r == '\u2029' || '\u202a' <= r && r <= '\u202e' || '\u2066' <= r && r <= '\u2069' {
			return -1
		}
		return r
	}, name)
}
