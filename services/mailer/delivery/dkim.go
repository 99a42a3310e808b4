package delivery

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"
)

// Key signs mails (DKIM, RFC 6376 and 8463). Its public half is in the DNS, at
// <Selector>._domainkey.<Domain>.
//
// Signing is done here and not by go-msgauth, which writes the time of signing into each
// signature: a mail that is sent a second time would not be the same. The rest of DKIM is
// short, and tests compare it with two other implementations.
type Key struct {
	Selector, Domain string
	signer           crypto.Signer // *rsa.PrivateKey or ed25519.PrivateKey
}

type keys []Key

const domainKey = "._domainkey."

// ParseKeys reads MAIL_DKIM_KEYS: separated by spaces or commas, the name of the public key
// in the DNS and the file of the private one, PEM (PKCS #8, or PKCS #1 for RSA):
//
//	2026._domainkey.example.com=/run/secrets/dkim-rsa.pem
//
// A mail is signed with all keys of its sender's domain, or, when it has none, of
// the closest domain above.
func ParseKeys(list string) ([]Key, error) {
	var (
		parsed keys
		faults []error
	)
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		key, err := parseKey(word)
		if err != nil {
			name, _, _ := strings.Cut(word, "=")
			faults = append(faults, fmt.Errorf("MAIL_DKIM_KEYS: %s: %w", name, err))
			continue
		}
		parsed = append(parsed, key)
	}
	return parsed, errors.Join(faults...)
}

func parseKey(word string) (Key, error) {
	name, file, found := strings.Cut(word, "=")
	selector, domain, named := strings.Cut(strings.ToLower(name), domainKey)
	if !found || !named || selector == "" || !domainName.MatchString(domain) {
		return Key{}, errors.New("write selector._domainkey.domain=file, the name under which the public key is in the DNS")
	}
	body, err := os.ReadFile(file)
	if err != nil {
		return Key{}, err
	}
	signer, err := privateKey(body)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", file, err)
	}
	return Key{Selector: selector, Domain: domain, signer: signer}, nil
}

var errKey = errors.New("holds no private key in PEM form: use RSA of 2048 bits or more, or Ed25519 (openssl genpkey)")

func privateKey(body []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(body)
	if block == nil {
		return nil, errKey
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errKey
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		if key.N.BitLen() >= 2048 {
			return key, nil
		}
	}
	return nil, errKey
}

// sign puts the signatures before a mail. They depend only on the mail and the keys.
func (k keys) sign(raw []byte) ([]byte, error) {
	if len(k) == 0 {
		return raw, nil
	}
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found {
		return nil, errors.New("to be signed, a mail needs a header and a body")
	}
	fields := unfolded(string(head))
	from, err := mail.ParseAddress(value(fields, "from"))
	if err != nil {
		return nil, errors.New("to be signed, a mail needs one sender in From")
	}
	address, err := wire(from.Address)
	if err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	hash := bodyHash(body)
	var signed []byte
	for _, key := range k.of(strings.ToLower(domainOf(address))) {
		signature, err := key.signature(fields, hash)
		if err != nil {
			return nil, err
		}
		signed = append(signed, signature...)
	}
	return append(signed, raw...), nil
}

// of returns the keys of a domain, or of the closest one above it that has any.
func (k keys) of(domain string) keys {
	for found := true; found; _, domain, found = strings.Cut(domain, ".") {
		if own := slices.DeleteFunc(slices.Clone(k), func(key Key) bool { return key.Domain != domain }); len(own) > 0 {
			return own
		}
	}
	return nil
}

// field of a header in the relaxed form of RFC 6376 §3.4.2.
type field struct{ name, line string }

func unfolded(head string) (fields []field) {
	head = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(head)
	for line := range strings.SplitSeq(head, "\r\n") {
		name, text, _ := strings.Cut(line, ":")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		fields = append(fields, field{name, name + ":" + relaxed(text)})
	}
	return fields
}

// relaxed replaces blanks in a row by one space, and removes those at the ends.
func relaxed(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' }), " ")
}

func value(fields []field, name string) string {
	for _, f := range fields {
		if f.name == name {
			return strings.TrimPrefix(f.line, name+":")
		}
	}
	return ""
}

// bodyHash is the hash of the body in the relaxed form, RFC 6376 §3.4.4.
func bodyHash(body []byte) string {
	hash := sha256.New()
	empty := 0 // lines that count only if something follows
	for line := range bytes.SplitSeq(bytes.TrimSuffix(body, []byte("\r\n")), []byte("\r\n")) {
		line = relaxedLine(line)
		if len(line) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			hash.Write([]byte("\r\n"))
		}
		hash.Write(line)
		hash.Write([]byte("\r\n"))
	}
	return base64.StdEncoding.EncodeToString(hash.Sum(nil))
}

func relaxedLine(line []byte) []byte {
	out := make([]byte, 0, len(line))
	for _, c := range bytes.TrimRight(line, " \t") {
		if c == '\t' {
			c = ' '
		}
		if c == ' ' && len(out) > 0 && out[len(out)-1] == ' ' {
			continue
		}
		out = append(out, c)
	}
	return out
}

// signedFields are the fields that a signature covers, each once more than it occurs, so
// that nobody can add another (RFC 6376 §8.15).
func signedFields() []string {
	return []string{
		"from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type",
		"content-transfer-encoding", "auto-submitted",
	}
}

// signature is the field DKIM-Signature of a key.
func (k Key) signature(fields []field, bodyHash string) (string, error) {
	hash := sha256.New()
	var names []string
	for _, name := range signedFields() {
		for _, f := range slices.Backward(fields) { // from the last to the first
			if f.name == name {
				names = append(names, name)
				hash.Write([]byte(f.line + "\r\n"))
			}
		}
		names = append(names, name)
	}
	algorithm := "rsa-sha256"
	if _, edwards := k.signer.(ed25519.PrivateKey); edwards {
		algorithm = "ed25519-sha256"
	}
	unsigned := "DKIM-Signature: v=1; a=" + algorithm + "; c=relaxed/relaxed; d=" + k.Domain + "; s=" + k.Selector + ";\r\n" +
		" h=" + list(names) + ";\r\n" +
		" bh=" + bodyHash + ";\r\n" +
		" b="
	hash.Write([]byte(unfolded(unsigned)[0].line))
	signed, err := k.sign(hash.Sum(nil))
	if err != nil {
		return "", fmt.Errorf("signing for %s: %w", k.Domain, err)
	}
	text := base64.StdEncoding.EncodeToString(signed)
	var folded strings.Builder
	for chunk := range slices.Chunk([]byte(text), 72) {
		folded.WriteString("\r\n  " + string(chunk))
	}
	return unsigned + folded.String() + "\r\n", nil
}

// list joins names in lines of a readable length.
func list(names []string) string {
	var lines []string
	for some := range slices.Chunk(names, 6) {
		lines = append(lines, strings.Join(some, ":"))
	}
	return strings.Join(lines, ":\r\n  ")
}

// sign is RSA of PKCS #1 v1.5 or Ed25519 over the hash. Both are deterministic.
func (k Key) sign(hash []byte) ([]byte, error) {
	if _, edwards := k.signer.(ed25519.PrivateKey); edwards {
		return k.signer.Sign(rand.Reader, hash, crypto.Hash(0))
	}
	return k.signer.Sign(rand.Reader, hash, crypto.SHA256)
}
