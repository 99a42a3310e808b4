package delivery

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"
)

var (
	errControlCharacter = errors.New("contains a control character")

	// ErrAddress is not an address that mail can be sent to: ASCII, as the contract
	// of the events has it, without quotes, comments, lists or a display name.
	ErrAddress = errors.New("is not an e-mail address of the form name@example.com")
)

// checkAddress does not repeat the address in its error, which gets logged.
func checkAddress(address string) error {
	if strings.ContainsFunc(address, unicode.IsControl) {
		return errControlCharacter
	}
	foreign := strings.ContainsFunc(address, func(r rune) bool { return r > unicode.MaxASCII })
	parsed, err := mail.ParseAddress(address)
	if err != nil || foreign || parsed.Address != address || parsed.Name != "" || len(address) > 254 ||
		strings.ContainsAny(address, " \",;:\\()<>[]") {
		return ErrAddress
	}
	return nil
}
