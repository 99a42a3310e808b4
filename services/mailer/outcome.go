package mailer

import (
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
)

// sent is a mail that a server took. The text of its answer is kept, without addresses.
func sent(mail events.EmailSent, by delivery.Receipt) events.EmailSent {
	mail.SMTPCode = answerCode(by.Code)
	mail.Reason = reason(by.Text)
	mail.QueueID = clip(delivery.OneLine(by.QueueID), maxReason)
	return mail
}

// unsent is a mail that was not accepted. Its text repeats no address.
type unsent struct {
	cause     cause
	mail      events.EmailSent // as it would have been published
	failure   *delivery.Failure
	published int // attempts of it in the log
}

func (u *unsent) Error() string { return redact(u.failure.Error()) }
func (u *unsent) Unwrap() error { return u.failure }

// failed is the mail's end.
func (u *unsent) failed() events.EmailFailed {
	return events.EmailFailed{
		Kind: u.mail.Kind, LicenseID: u.mail.LicenseID, To: u.mail.To, MessageID: u.mail.MessageID,
		Reason: reason(u.failure.Error()), SMTPCode: answerCode(u.failure.Code), EnhancedCode: u.failure.Enhanced,
	}
}

// deferred is an attempt that will be repeated.
func (u *unsent) deferred(tries int, next time.Time) events.EmailDeferred {
	return events.EmailDeferred{
		Kind: u.mail.Kind, LicenseID: u.mail.LicenseID, To: u.mail.To, MessageID: u.mail.MessageID,
		Reason: reason(u.failure.Error()), SMTPCode: answerCode(u.failure.Code), EnhancedCode: u.failure.Enhanced,
		Attempts: tries, NextAttempt: next.UTC().Truncate(time.Millisecond),
	}
}

// worthPublishing reports whether a failed attempt goes into the log: the attempts 1, 2, 4, 8
// and so on, so that a mail that is tried for days has a handful there. It counts from what
// is published, so a later attempt makes up for one that could not be.
func worthPublishing(attempts, published int) bool {
	return published == 0 || attempts >= 2*published
}

// step names an attempt in the id of its event.
func step(tries int) string { return "deferred/" + strconv.Itoa(tries) }

// maxReason is the contract's bound on a reason, in characters.
const maxReason = 128

func reason(words string) string { return clip(redact(delivery.OneLine(words)), maxReason) }

// answerCode keeps what is a code of the contract.
func answerCode(code int) int {
	if code < 200 || code > 599 {
		return 0
	}
	return code
}
