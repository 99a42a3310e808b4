package events

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rule says what is wrong with a text that is not empty, and what to do; "" when nothing is. The JSON Schemas state
// the same rules for other languages; a test generates boundary values and holds the two together.
type rule func(s string) (problem string)

const (
	maxLabel     = 128 // characters of a name or a reason
	maxVersion   = 64
	maxMessageID = 400
	maxAddress   = 254 // RFC 5321, section 4.5.3.1.3, less the brackets
	maxLocalPart = 64  // RFC 5321, section 4.5.3.1.1
	maxLocale    = 35  // RFC 5646, section 4.4.1
	maxDeviceID  = 128
	maxTime      = 40 // characters of a time
	minSMTPCode  = 200
	maxSMTPCode  = 599
	maxInteger   = 1<<53 - 1 // the largest integer every JSON reader keeps exactly: RFC 7493, section 2.2
)

func textProblem(p presence, s string, r rule) string {
	if s != "" {
		return r(s)
	}
	if p == required {
		return "is required and must not be empty"
	}
	return ""
}

// name is the rule of names, of people and extensions. There must be something to see, and nothing that turns the
// direction of the text around the name. How a letter is composed is left to the publisher: a name in another form than
// NFC looks the same and harms nobody, and to refuse it would refuse the license with it. Who compares names normalizes
// both sides; the portal normalizes the names it publishes.
//
// Names of devices are labels: nobody can correct one, and those of devices set to Hebrew or Arabic begin with such
// characters.
func name(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !IsInvisible(r) }) < 0 {
		return "has nothing to see in it; write a name"
	}
	for _, r := range s {
		if r >= 0x61c && unicode.Is(unicode.Bidi_Control, r) {
			return "has the invisible character " + strconv.QuoteRuneToASCII(r) + ", which turns the direction of text; take it out"
		}
	}
	return label(s)
}

// IsInvisible tells whether nothing is drawn for a character: spaces, format and control characters, letters that stand
// for nothing, and marks, which are drawn on a letter only.
func IsInvisible(r rune) bool {
	switch {
	case r > ' ' && r < 0x7f:
		return false
	case r == 0x115f, r == 0x1160, r == 0x2800, r == 0x3164, r == 0xffa0: // fillers of Korean syllables, Braille without a dot
		return true
	}
	return unicode.In(r, unicode.Z, unicode.Cc, unicode.Cf, unicode.M)
}

// label is the rule of texts that people write: reasons, names of devices and of those who act.
func label(s string) string     { return printable(s, maxLabel) }
func version(s string) string   { return printable(s, maxVersion) }
func messageID(s string) string { return printable(s, maxMessageID) }

// printable refuses what could break a header, a log line or a terminal, and bounds the length. The text itself is
// never shown: it is free, so it could be anything.
func printable(s string, most int) string {
	n := 0
	for i, r := range s {
		switch {
		case r < ' ' || r >= 0x7f && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029'):
			return "has the control character " + strconv.QuoteRuneToASCII(r) + "; take it out"
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			return "is not valid UTF-8"
		}
		n++
	}
	if n > most {
		return "has " + strconv.Itoa(n) + " characters; at most " + strconv.Itoa(most) + " are allowed"
	}
	return ""
}

// address accepts local@domain: a dot-atom of RFC 5322 (no quotes, no comments) at a host name, both also in the
// letters of other scripts (RFC 6531). What it accepts needs no quoting in a header or an SMTP command. Lengths are
// in characters, the only ones a JSON Schema can count; a server may refuse an international address sooner.
func address(s string) string {
	at := strings.LastIndexByte(s, '@')
	n := utf8.RuneCountInString(s)
	switch {
	case n > maxAddress:
		return "is not an address: it has " + strconv.Itoa(n) + " characters; at most 254 are allowed"
	case strings.ContainsFunc(s, isHidden):
		hidden := []rune(s[strings.IndexFunc(s, isHidden):])[0]
		return "is not an address: it has the invisible character " + strconv.QuoteRuneToASCII(hidden) + "; take it out"
	case at < 0:
		return "is not an address: it has no @"
	case strings.ContainsFunc(s, isPartOfLetter):
		return "is not an address: an accent is a character of its own in it; write letter and accent as one (Unicode's form NFC)"
	case utf8.RuneCountInString(s[:at]) > maxLocalPart || !dotted(s[:at], isAtom):
		return "is not an address: before the @ must be 1 to 64 letters, digits or !#$%&'*+/=?^_`{|}~-, in parts separated by single dots"
	case !dotted(s[at+1:], isHostLabel):
		return "is not an address: after the @ must be a host name, of letters, digits and hyphens in parts separated by single dots"
	}
	return ""
}

// isHidden finds what comes along with a pasted address and is in none.
func isHidden(r rune) bool { return r >= utf8.RuneSelf && IsInvisible(r) && !unicode.IsMark(r) }

func isAtom(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !isAtomRune(r) })
}

func isHostLabel(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' &&
		!strings.ContainsFunc(s, func(r rune) bool { return !isHostRune(r) })
}

// isPartOfLetter finds what NFC joins with the letter before: accents, and the parts of Korean syllables.
func isPartOfLetter(r rune) bool { return r >= 0x300 && r <= 0x36f || r >= 0x1100 && r <= 0x11ff }

// isForeign accepts what the scripts of the world are written with.
func isForeign(r rune) bool {
	return r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r))
}

func isAtomRune(r rune) bool { return r < utf8.RuneSelf && isAtomByte(byte(r)) || isForeign(r) }
func isHostRune(r rune) bool { return r < utf8.RuneSelf && isHostByte(byte(r)) || isForeign(r) }

func dotted(s string, part func(string) bool) bool {
	for {
		first, rest, more := strings.Cut(s, ".")
		if !part(first) {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

// languageTag accepts the syntax all BCP 47 tags of a real language share: a language, then subtags.
func languageTag(s string) string {
	first, rest, more := strings.Cut(s, "-")
	ok := len(s) <= maxLocale && len(first) >= 2 && len(first) <= 8 && only(first, isLetter)
	for ok && more {
		first, rest, more = strings.Cut(rest, "-")
		ok = first != "" && len(first) <= 8 && only(first, isAlphanumeric)
	}
	if !ok {
		return show(s) + " is not a BCP 47 language tag of at most 35 characters; write it like en, de-AT or zh-Hant-TW"
	}
	return ""
}

func deviceID(s string) string {
	if len(s) > maxDeviceID || !only(s, isDeviceByte) {
		return show(s) + " is not a device id: 1 to 128 of A-Z, a-z, 0-9 and . _ : -"
	}
	if s == "." || s == ".." { // in a URL these are the folder and the one above: RFC 3986, section 5.2.4
		return show(s) + " is not a device id: a URL cannot name it"
	}
	return ""
}

func platform(s string) string {
	switch s {
	case PlatformMac, PlatformIPhone, PlatformWindows, PlatformAndroid, PlatformOther:
		return ""
	}
	return show(s) + " is not a platform: mac, iphone, windows, android or other"
}

func emailKind(s string) string {
	switch s {
	case KindWelcome, KindPasswordChanged, KindDeviceLimitReached, KindEmailChanged:
		return ""
	}
	return show(s) + " is not a kind of e-mail: welcome, password-changed, device-limit-reached or email-changed"
}

func action(s string) string {
	switch s {
	case ActionFailed, ActionDelayed:
		return ""
	}
	return show(s) + " is not what becomes of a bounced e-mail: failed or delayed"
}

// enhancedCode accepts a status code of RFC 3463, section 2: a class of 2, 4 or 5, and two numbers.
func enhancedCode(s string) string {
	class, rest, _ := strings.Cut(s, ".")
	subject, detail, _ := strings.Cut(rest, ".")
	if class != "2" && class != "4" && class != "5" || !isCodeNumber(subject) || !isCodeNumber(detail) {
		return show(s) + " is not an enhanced status code; write it like 5.1.1 (RFC 3463)"
	}
	return ""
}

func isCodeNumber(s string) bool { return s != "" && len(s) <= 3 && only(s, isDigit) }

func numberRangeProblem(n, least, most int) string {
	if n < least || n > most {
		return strconv.Itoa(n) + " is out of range: " + strconv.Itoa(least) + " to " + strconv.Itoa(most) + " is allowed"
	}
	return ""
}

func seatsProblem(n int) string {
	if n > MaxSeats {
		return "has " + strconv.Itoa(n) + " entries; at most " + strconv.Itoa(MaxSeats) + " are allowed"
	}
	return ""
}

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool        { return '0' <= c && c <= '9' }
func isLetter(c byte) bool       { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlphanumeric(c byte) bool { return isDigit(c) || isLetter(c) }
func isHostByte(c byte) bool     { return isAlphanumeric(c) || c == '-' }
func isDeviceByte(c byte) bool {
	return isAlphanumeric(c) || c == '.' || c == '_' || c == ':' || c == '-'
}
func isAtomByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+/=?^_`{|}~-", c) >= 0
}
