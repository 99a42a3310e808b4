package delivery

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"unicode"
)

// Verdict is what a failed attempt means for the mail.
type Verdict int

const (
	// Temporary: this mail, later. Others may pass meanwhile.
	Temporary Verdict = iota
	// Final: this mail will never be taken for this address.
	Final
	// Unavailable: the relay cannot be reached, or refuses us rather than the mail. No
	// mail is to blame, and none would pass.
	Unavailable
	// SenderRefused: the relay refuses the mail's sender, which is not that of all
	// mails ([Envelope.OneOfMany]). No mail of that sender would pass; others may.
	SenderRefused
)

func (v Verdict) String() string {
	return map[Verdict]string{
		Temporary: "temporary", Final: "final", Unavailable: "unavailable", SenderRefused: "sender_refused",
	}[v]
}

// Stage is a step of handing a mail to a relay.
type Stage int

// The stages in their order.
const (
	stageConnect Stage = iota
	stageTLS           // the handshake of smtps
	stageBanner
	stageEHLO
	stageSTARTTLS
	stageAUTH
	stageMAIL
	stageRCPT
	stageDATA
	stageBody
	stageDot // the mail is sent, its answer is due
)

func (s Stage) String() string {
	return [...]string{"connect", "TLS", "banner", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "body", "final dot"}[s]
}

// Failure is a mail that was not accepted: at which stage, with what answer, and what that
// means.
type Failure struct {
	Stage    Stage
	Verdict  Verdict
	Server   string // that answered, or did not: host:port
	Code     int    // of the answer, such as 550; 0 when there was none
	Enhanced string // RFC 3463 code, such as 5.1.1, of the answer or of what we found ourselves; may be empty
	Err      error
}

// Error is one line without control characters. It may hold the addresses the
// server repeated.
func (f *Failure) Error() string {
	text := f.Err.Error()
	if answer, ok := errors.AsType[*textproto.Error](f.Err); ok { // whose own text is quoted
		text = fmt.Sprintf("%d %s", answer.Code, answer.Msg)
	}
	return fmt.Sprintf("%s: %s", f.Stage, OneLine(text))
}

func (f *Failure) Unwrap() error { return f.Err }

// enhancedCode is at the start of an answer's text, RFC 2034.
var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// failed judges an error. It is the one place where that is done.
func failed(stage Stage, err error) *Failure {
	if judged, ok := errors.AsType[*Failure](err); ok {
		return judged
	}
	f, text := &Failure{Stage: stage, Err: err}, ""
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		f.Code = answer.Code
		f.Enhanced, text = enhancedCode.FindString(answer.Msg), answer.Msg
	}
	f.Verdict = judge(stage, f.Code, f.Enhanced, text)
	if errors.Is(err, errNoSMTPUTF8) { // about the address
		f.Verdict, f.Enhanced = Final, "5.6.7"
	}
	return f
}

// judge decides by stage and answer; code is 0 when the connection failed, timed out or
// broke the protocol.
//
// Before MAIL nothing has been said about any mail: a failure there is about the
// relay or about us. So is one at MAIL, except what is about the sender, and 4xx, which
// counts as this mail's, because grey-listing answers so, unless it says that the server
// closes (421), is full or takes nothing now (RFC 3463 §3.4: 4.3.1, 4.3.2). From RCPT
// on, 5xx is about this address or this mail — save answers that say that *we* or our
// sender are not welcome, which servers postpone to RCPT (Postfix does by default) or to
// the final dot, and those of a mailbox that will take it another day.
// A connection lost from RCPT on counts against the mail: a filter that hangs up on one
// mail must not stop the others.
func judge(stage Stage, code int, enhanced, text string) Verdict {
	switch {
	case stage < stageMAIL:
		return Unavailable
	case code/100 == 5 && aboutUs(stage, code, enhanced, text):
		return Unavailable
	case code/100 == 5 && aboutSender(stage, code, enhanced, text):
		return SenderRefused
	case stage == stageMAIL && (code/100 != 4 || code == 421 || enhanced == "4.3.1" || enhanced == "4.3.2"):
		return Unavailable
	case code/100 == 5 && !passes(enhanced, text):
		return Final
	default:
		return Temporary
	}
}

// OneLine makes a server's text safe for a log line and an event.
func OneLine(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
