package mailer

import (
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
)

// sent is a mail that a server took. Its words are kept, without addresses.
func sent(mail events.EmailSent, by delivery.Receipt) events.EmailSent {
	mail.SMTPCode = answerCode(by.Code)
	mail.Reason = reason(by.Text)
	mail.QueueID = clip(delivery.OneLine(by.QueueID), maxReason)
	return mail
}

// unsent is a mail that was not accepted. Its text repeats no address.
type unsent struct {
	mail    events.EmailSent // as it would have been told
	failure *delivery.Failure
	told    int // tries of it that the log knows
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

// deferred is a try that will be repeated.
func (u *unsent) deferred(tries int, next time.Time) events.EmailDeferred {
	return events.EmailDeferred{
		Kind: u.mail.Kind, LicenseID: u.mail.LicenseID, To: u.mail.To, MessageID: u.mail.MessageID,
		Reason: reason(u.failure.Error()), SMTPCode: answerCode(u.failure.Code), EnhancedCode: u.failure.Enhanced,
		Attempts: tries, NextAttempt: next.UTC().Truncate(time.Millisecond),
	}
}

// worthTelling says whether a failed try goes into the log: the tries 1, 2, 4, 8
// and so on, so that of a mail tried for days it has a handful. Counted from what
// was told, it makes up for one that could not be.
func worthTelling(tries, told int) bool { return told == 0 || tries >= 2*told }

// step names a try in the id of its event.
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
