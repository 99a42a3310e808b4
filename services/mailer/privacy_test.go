package mailer

import (
	"testing"
	"unicode/utf8"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"anna@example.com": "a***@example.com", "@example.com": "***", "nothing": "***", "": "***", "é@x.y": "é***@x.y",
	} {
		if got := mask(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"550 <Anna@Example.com> unknown, anna@example.com!":  "550 <A***@Example.com> unknown, a***@example.com!",
		"forwarded to:o'brien@b.example (o'brien@b.example)": "forwarded to:o***@b.example (o***@b.example)",
		"für ä.ö@bücher.example":                             "für ä***@bücher.example",
		"250 2.0.0 Ok: queued as 4Yz":                        "250 2.0.0 Ok: queued as 4Yz",
		"meet @ noon":                                        "meet @ noon",
		"":                                                   "",
	} {
		if got := redact(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	if got := clip("äöüß", 3); got != "äö…" || utf8.RuneCountInString(got) != 3 {
		t.Errorf("%q", got)
	}
	if got := clip("äöü", 3); got != "äöü" {
		t.Errorf("%q", got)
	}
}
