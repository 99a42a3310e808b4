package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Envelope is a rendered mail and where it goes.
type Envelope struct {
	From, To string // bare addresses; international ones too (RFC 6531)
	Bytes    []byte // every line ends with CRLF

	// OneOfMany says that other mails have another From. Then a server that refuses this one
	// is not marked down, because it may take those. Otherwise it refuses us.
	OneOfMany bool

	// Ready, when set, is called last before the mail itself is written, when it can still
	// be stopped. Its error ends the attempt.
	Ready func() error
}

var (
	// ErrAddress is not an address that mail can be sent to: without quotes,
	// comments, lists or a display name.
	ErrAddress = errors.New("is not an e-mail address of the form name@example.com")

	errControlCharacter = errors.New("contains a control character")
	errLineBreak        = errors.New("the mail has a CR or LF alone: a line ends with both")
)

// prepared checks an envelope, so that nothing else can get into a command of the
// protocol, and writes its domains in ASCII. The error is a [*Failure].
func (e Envelope) prepared() (Envelope, error) {
	var err error
	if e.From, err = wire(e.From); err != nil {
		return e, &Failure{Stage: stageMAIL, Verdict: Final, Enhanced: "5.1.7", Err: err}
	}
	if e.To, err = wire(e.To); err != nil {
		return e, &Failure{Stage: stageRCPT, Verdict: Final, Enhanced: "5.1.3", Err: err}
	}
	if loneBreak(e.Bytes) {
		return e, &Failure{Stage: stageBody, Verdict: Final, Enhanced: "5.6.0", Err: errLineBreak}
	}
	return e, nil
}

// CheckAddress returns what is wrong with an address that mails are to come from.
func CheckAddress(address string) error {
	_, err := wire(address)
	return err
}

// plain is an address that needs no further check.
var plain = regexp.MustCompile(`^[a-z0-9_+-][a-z0-9_.+-]{0,62}@[a-z0-9][a-z0-9.]{0,200}[a-z0-9]$`)

// wire is an address as it is sent to a server: its domain in ASCII (IDNA), which every
// server knows. No error repeats the address, because errors get logged.
func wire(address string) (string, error) {
	if plain.MatchString(address) && len(address) <= 254 && !strings.Contains(address, "..") && !strings.Contains(address, "xn--") {
		return address, nil // as nearly all are
	}
	if strings.ContainsFunc(address, unicode.IsControl) {
		return "", errControlCharacter
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" || len(address) > 254 || !utf8.ValidString(address) ||
		strings.ContainsAny(address, " \",;:\\()<>[]") || strings.ContainsFunc(address, unicode.IsSpace) {
		return "", ErrAddress
	}
	local, domain, _ := strings.Cut(address, "@")
	name, err := idna.Lookup.ToASCII(domain)
	if err != nil || name == "" {
		return "", fmt.Errorf("%w: its domain is not a valid name", ErrAddress)
	}
	return local + "@" + name, nil
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// loneBreak finds CR or LF without the other: servers differ in what they take for
// the end of a line, which lets a mail smuggle another one in (CVE-2023-51764).
func loneBreak(mail []byte) bool {
	pairs := bytes.Count(mail, []byte("\r\n"))
	return bytes.Count(mail, []byte("\n")) != pairs || bytes.Count(mail, []byte("\r")) != pairs
}

// eightBit says whether a mail needs 8BITMIME (RFC 6152).
func (e Envelope) eightBit() bool {
	return !ascii(e.Bytes)
}

// international says whether a mail needs SMTPUTF8 (RFC 6531): for an address of
// its envelope, or what is in its header.
func (e Envelope) international() bool {
	head, _, _ := bytes.Cut(e.Bytes, []byte("\r\n\r\n"))
	return !ascii(e.From) || !ascii(e.To) || !ascii(head)
}
