package letter

import (
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

const (
	maxLine = 76 // characters of a header's line that holds encoded words, RFC 2047 §2
	maxWord = 64 // of an encoded word here: 75 are allowed, and "Reply-To: " stands before some
)

// header writes an address for a header field: the name quoted or encoded (RFC 2047), and an
// international domain in its xn-- form, so that only an address whose local part is
// international too needs a header that is not ASCII.
func header(a mail.Address) string {
	local, domain, _ := strings.Cut(a.Address, "@")
	if name, err := idna.Lookup.ToASCII(domain); err == nil {
		a.Address = local + "@" + name
	}
	name := strings.Join(strings.Fields(a.Name), " ")
	address := (&mail.Address{Address: a.Address}).String()
	if name == "" {
		return address
	}
	written := (&mail.Address{Name: name, Address: a.Address}).String() // quoted, if it is ASCII
	if isPlain(strings.TrimSuffix(written, " "+address)) && isPlain(name) {
		return written
	}
	return encodedWords(name) + " " + address
}

// encoded is a text as encoded words that fit on a line each, or itself when it can stand
// in a header, and be folded, as it is.
func encoded(text string) string {
	if text == "" || isPlain(text) {
		return text
	}
	return encodedWords(text)
}

// encodedWords are separated by blanks, where they can be folded.
func encodedWords(text string) string {
	var words []string
	chunk := ""
	for _, r := range text { // a character is not divided between words, RFC 2047 §5
		if next := quoted(string(r)); len(wordStart)+len(chunk)+len(next)+len(wordEnd) > maxWord {
			words = append(words, wordStart+chunk+wordEnd)
			chunk = next
		} else {
			chunk += next
		}
	}
	return strings.Join(append(words, wordStart+chunk+wordEnd), " ")
}

const (
	wordStart = "=?utf-8?q?" // of an encoded word
	wordEnd   = "?="
)

// isPlain says whether a text needs no encoding: printable ASCII with single blanks,
// where it can be folded often enough, that no reader takes for an encoded word.
func isPlain(text string) bool {
	for word := range strings.SplitSeq(text, " ") {
		if word == "" || len(word) > maxWord {
			return false
		}
	}
	return !strings.Contains(text, "=?") && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// quoted is a text in the encoding Q, with no characters as they are but those that may
// stand in a name (RFC 2047 §5.3): no comma, blank or bracket ends the word.
func quoted(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == ' ':
			b.WriteByte('_')
		case '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("!*+-/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// folded is a field's value with what stands before each of its words: a blank, or a line
// break and a blank where the word would not fit.
func folded(name, value string) string {
	var b strings.Builder
	line := len(name) + len(":")
	for word := range strings.SplitSeq(value, " ") {
		if line+1+len(word) > maxLine {
			b.WriteString("\r\n")
			line = 0
		}
		b.WriteString(" " + word)
		line += 1 + len(word)
	}
	return b.String()
}
