package mailer

import (
	"regexp"
	"strings"
)

// redact masks an address wherever a text repeats it, in any case.
func redact(text, address string) string {
	if address == "" {
		return text
	}
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(address)).ReplaceAllLiteralString(text, mask(address))
}

// mask keeps of an address what a person needs to recognize it in a log line:
// anna@example.com becomes a***@example.com.
func mask(address string) string {
	local, domain, found := strings.Cut(address, "@")
	if !found || local == "" {
		return "***"
	}
	first := []rune(local)[0]
	return string(first) + "***@" + domain
}

// clip bounds a text to n characters.
func clip(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
