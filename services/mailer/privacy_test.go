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
	if got := redact("550 <Anna@Example.com> unknown, anna@example.com!", "anna@example.com"); got != "550 <a***@example.com> unknown, a***@example.com!" {
		t.Errorf("%q", got)
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
