package letter

import (
	"mime"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

const (
	maxLine = 76 // characters of a header's line that holds encoded words, RFC 2047 §2
	maxWord = 64 // of an encoded word here: 75 are allowed, and "Reply-To: " stands before some
)

// headers are the fields that the MIME builder would get wrong, or not fold: it cuts a
// name at its comma, and folds nothing.
func (b *brand) headers(l *Letter, subject string) map[string]string {
	return map[string]string{
		"From":     header(b.sender),
		"To":       header(mail.Address{Name: l.Name, Address: l.To}),
		"Reply-To": header(b.answers(l.Tenant)),
		"Subject":  encoded(subject, mime.QEncoding),
	}
}

// bare is an address alone, in whose place its header is put.
func bare(a mail.Address) string { return header(mail.Address{Address: a.Address}) }

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
	encoding := mime.QEncoding
	if strings.ContainsAny(name, "\"#$%&'(),.:;<>@[]^`{|}~") { // not in a phrase, RFC 2047 §5
		encoding = mime.BEncoding
	}
	if words := encoded(name, encoding); words != name {
		return words + " " + address
	}
	return (&mail.Address{Name: name, Address: a.Address}).String()
}

// encoded is a text as encoded words that fit on a line each, or itself when it is ASCII
// and can be folded as it is.
func encoded(text string, encoding mime.WordEncoder) string {
	plain := encoding.Encode("utf-8", text) == text
	for word := range strings.FieldsSeq(text) {
		plain = plain && len(word) <= maxWord
	}
	if plain {
		return text
	}
	var words []string
	chunk := ""
	for _, r := range text {
		if len(word(encoding, chunk+string(r))) > maxWord {
			words = append(words, word(encoding, chunk))
			chunk = ""
		}
		chunk += string(r)
	}
	return strings.Join(append(words, word(encoding, chunk)), " ")
}

// word is one encoded word, also of a text that needs none.
func word(encoding mime.WordEncoder, text string) string {
	if as := encoding.Encode("utf-8", text); as != text {
		return as
	}
	return "=?utf-8?q?" + strings.ReplaceAll(text, " ", "_") + "?="
}

// folded is a field's value with line breaks before words that would not fit.
func folded(name, value string) string {
	var b strings.Builder
	line := len(name) + len(":")
	for i, word := range strings.Split(value, " ") {
		switch {
		case i > 0 && line+1+len(word) > maxLine:
			b.WriteString("\r\n ")
			line = 1
		case i > 0:
			b.WriteString(" ")
			line++
		default:
			line++
		}
		b.WriteString(word)
		line += len(word)
	}
	return b.String()
}
