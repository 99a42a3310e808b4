package mailer

import (
	"regexp"
	"strings"
)

// address is anything in a text that may be one. A mail server's words often
// repeat the address, and sometimes name the one it was forwarded to.
var address = regexp.MustCompile(`[^\s<>()"\[\],;:\\@]+@[^\s<>()"\[\],;:\\@]+`)

// redact masks every address in a text.
func redact(text string) string { return address.ReplaceAllStringFunc(text, mask) }

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
