package letter

import (
	"mime"
	"net/mail"
	"strings"
	"testing"
)

// Whatever a name or a subject is, its reader gets it back, and no line of the header is
// too long. What looks like an encoded word, and ASCII that has to be encoded because it is
// long, are the cases that are easily got wrong.
func TestHeadersAreReadAsWritten(t *testing.T) {
	t.Parallel()
	const ascii = "under_score = equal? (a comment), <b> \"quoted\" back\\slash; a@b.example: x"
	texts := []string{
		"Family, Given", "Müller, Jörg", "=?utf-8?q?literal?=", ascii, "Zoë " + ascii + " " + ascii, ascii + ascii + " é",
		strings.Repeat("x_y?=", 25), strings.Repeat("電", 40) + strings.Repeat("_?= ", 20) + "é", "two  blanks  é", strings.Repeat("🙂", 60), ". é .", strings.Repeat("\"", 60),
		"Ce softphone appartient à " + strings.Repeat("tout le monde, ", 8) + "voilà", strings.Repeat("word ", 30) + "end", strings.Repeat("a  ", 60) + "b",
	}
	decoder := new(mime.WordDecoder)
	for _, text := range texts {
		for _, c := range []struct{ name, value string }{
			{"Reply-To", header(mail.Address{Name: text, Address: "anna@example.com"})},
			{"To", header(mail.Address{Name: text, Address: strings.Repeat("a", 64) + "@" + strings.Repeat("b", 60) + ".example"})},
			{"Subject", encoded(text)},
		} {
			written := c.name + ":" + folded(c.name, c.value)
			for line := range strings.SplitSeq(written, "\r\n") {
				if strings.TrimSpace(line) == "" || len(line) > maxLine && !strings.HasPrefix(strings.TrimSpace(line), "<") {
					t.Errorf("%s %q: a line has %d octets: %q", c.name, text, len(line), line)
				}
				for word := range strings.FieldsSeq(line) {
					if strings.HasPrefix(word, "=?") && len(word) > 75 {
						t.Errorf("%q: an encoded word has %d octets", text, len(word))
					}
				}
			}
			unfolded := strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(written, c.name+":"), "\r\n", ""))
			if c.name == "Subject" {
				if got, err := decoder.DecodeHeader(unfolded); err != nil || got != text {
					t.Errorf("the subject %q is read as %q, %v", text, got, err)
				}
				continue
			}
			want := strings.Join(strings.Fields(text), " ")
			if got, err := mail.ParseAddress(unfolded); err != nil || got.Name != want {
				t.Errorf("the name %q is read as %+v, %v: %s", want, got, err, unfolded)
			}
		}
	}
}

// The Message-Id of a tenant with a long name fits too.
func TestLongFirstWordIsFolded(t *testing.T) {
	t.Parallel()
	id := "<" + strings.Repeat("a", 36) + "." + strings.Repeat("b", 30) + ".1001@softphone.example>"
	if got := "Message-Id:" + folded("Message-Id", id); got != "Message-Id:\r\n "+id {
		t.Errorf("%q", got)
	}
}
