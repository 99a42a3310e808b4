package delivery

import (
	"errors"
	"testing"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	if got := OneLine(" a\r\nb\x00\x1b[31mc\xff  d\u0085e"); got != "a b [31mc\uFFFD d e" {
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
