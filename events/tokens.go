package events

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The tokens of a JSON text (RFC 8259).

// peek passes over white space and returns the byte after it, 0 at the end.
func (d *document) peek() byte {
	for d.pos < len(d.in) {
		switch c := d.in[d.pos]; c {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// syntax says what was expected where, without showing what is there.
func (d *document) syntax(expected string) error {
	where := "at byte " + strconv.Itoa(d.pos+1)
	if d.pos >= len(d.in) {
		where = "at its end"
	}
	return d.fault("is not valid JSON: " + expected + " expected " + where)
}

// quoted reads a string token and returns what is between the quotes.
func (d *document) quoted() (s span, escaped bool, err error) {
	d.pos++ // the opening quote
	s.from = int32(d.pos)
	in, i := d.in, d.pos
	for i < len(in) {
		switch c := in[i]; {
		case c == '"':
			d.pos = i + 1
			s.to = int32(i)
			return s, escaped, nil
		case c == '\\':
			escaped = true
			d.pos = i
			if err := d.escape(); err != nil {
				return s, escaped, err
			}
			i = d.pos
		case c < ' ':
			d.pos = i
			return s, escaped, d.syntax("no control character")
		default:
			i++
		}
	}
	d.pos = i
	return s, escaped, d.syntax("a closing quote")
}

// escape passes over one escape sequence, or two that together are one character.
func (d *document) escape() error {
	rest := d.in[d.pos:]
	if len(rest) < 2 {
		return d.syntax("an escape sequence")
	}
	switch rest[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		d.pos += 2
		return nil
	}
	r, size := escapedRune(rest)
	if size == 0 {
		return d.syntax("an escape sequence")
	}
	if utf16.IsSurrogate(r) {
		return d.fault("is not valid Unicode: the surrogate at byte " + strconv.Itoa(d.pos+1) + " has no partner")
	}
	d.pos += size
	return nil
}

// escapedRune decodes the \uXXXX, or the surrogate pair of them, in front of s. Its size is 0 if there is none; an
// unpaired surrogate is returned as it is.
func escapedRune(s []byte) (r rune, size int) {
	r = hexRune(s)
	if r < 0 {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if pair := utf16.DecodeRune(r, hexRune(s[6:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

// hexRune is the XXXX of the \uXXXX in front of s, -1 if there is none.
func hexRune(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape decodes the content of a string token that quoted accepted.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		if raw[i+1] == 'u' {
			r, size := escapedRune(raw[i:])
			out = utf8.AppendRune(out, r)
			i += size
			continue
		}
		out = append(out, simpleEscape(raw[i+1]))
		i += 2
	}
	return out
}

func simpleEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // " \ /
}

// number passes over a number token.
func (d *document) number() error {
	if d.at('-') {
		d.pos++
	}
	if d.at('0') {
		d.pos++
	} else if !d.digits() {
		return d.syntax("a value")
	}
	if d.at('.') {
		d.pos++
		if !d.digits() {
			return d.syntax("a digit")
		}
	}
	if d.at('e') || d.at('E') {
		d.pos++
		if d.at('+') || d.at('-') {
			d.pos++
		}
		if !d.digits() {
			return d.syntax("a digit")
		}
	}
	return nil
}

func (d *document) at(c byte) bool { return d.pos < len(d.in) && d.in[d.pos] == c }

// digits passes over digits; false if there is none.
func (d *document) digits() bool {
	from := d.pos
	for d.pos < len(d.in) && isDigit(d.in[d.pos]) {
		d.pos++
	}
	return d.pos > from
}

func (d *document) word(w string) error {
	if end := d.pos + len(w); end > len(d.in) || string(d.in[d.pos:end]) != w {
		return d.syntax("a value")
	}
	d.pos += len(w)
	return nil
}
