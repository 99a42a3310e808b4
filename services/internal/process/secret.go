package process

import (
	"fmt"
	"strings"
)

const hidden = "[secret]"

// Secret is a value nobody may see: fmt with any verb, JSON, zerolog and whatever else prints it give [secret]. Its
// variable X can also be given as X_FILE, the name of a file that holds the value.
//
// The value is behind a pointer, so that even where fmt cannot call Format, in an unexported field of another struct, it
// prints an address.
type Secret struct{ value *string }

// NewSecret hides s.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal returns the value, empty when none was given. Hand it only to what needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty tells whether there is no value.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Format makes every verb of fmt print [secret].
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// String gives [secret].
func (s Secret) String() string { return hidden }

// MarshalText gives [secret], also to JSON and zerolog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// UnmarshalText takes the value.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = NewSecret(string(b))
	return nil
}

// Redact returns a URL, or a list of them, without user and password: a NATS URL may carry a token there, so neither is
// shown. A password can contain any character, commas and slashes too; so everything up to the *last* @ goes, even if
// that hides the first hosts of a list.
func Redact(url string) string {
	at := strings.LastIndex(url, "@")
	if at < 0 {
		return url
	}
	scheme, _, found := strings.Cut(url[:at], "://")
	if !found {
		return hidden + url[at:]
	}
	return scheme + "://" + hidden + url[at:]
}
