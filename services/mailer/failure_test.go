package mailer

import (
	"errors"
	"testing"
	"unicode/utf8"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	if got := oneLine(" a\r\nb\x00\x1b[31mc\xff  d\u0085e"); got != "a b [31mc\uFFFD d e" {
		t.Errorf("%q", got)
	}
}

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

func TestAFailureIsJudgedOnce(t *testing.T) {
	t.Parallel()
	first := &Failure{Stage: stageRCPT, Verdict: Final, Err: errors.New("no")}
	if got := failed(stageConnect, first); got != first {
		t.Errorf("judged again: %v", got)
	}
}
