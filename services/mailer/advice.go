package mailer

import (
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
)

// What to do about a mail, where no server's answer says it.
const (
	adviceOutage    = "Nothing to do: the mail server cannot be used just now. The mail is sent as soon as it can be."
	adviceSender    = "The mail server refuses the sender of this tenant's mails: operations correct it in the tenant's brand, or have the mail server accept it. The mail is sent as soon as it does."
	adviceLate      = "Nothing to do yet: a server on the way still tries to deliver it."
	adviceDead      = "Tell operations: the reason is in the dead letters of the mailer (softphonectl dead-letters)."
	adviceRecipient = "An earlier mail to this address permanently failed. Correct the address, or send the mail again if it is right."
	adviceEnable    = "Enable the app first, then send the mail again."
	adviceNotSent   = "The tenant's brand does not send this kind of mail: operations can turn it on."
	adviceDeadline  = "It was tried for days: ask the operator of the recipient's server, then send the mail again."
)

// blamesAddress tells whether advice is about the recipient's address.
func blamesAddress(e events.Email) bool {
	switch e.State {
	case StateRetrying, StateFailed, StateBounced:
		return delivery.BlamesAddress(e.SMTPCode, e.EnhancedCode, e.Reason, e.State != StateRetrying)
	case StateSkipped:
		return e.Reason == ReasonRecipientFailed
	}
	return false
}

// advice says what to do about a mail; empty when all is well.
func advice(e events.Email) string {
	switch e.State {
	case StateQueued:
		if e.Reason != "" {
			return adviceOutage
		}
	case StateRetrying:
		return delivery.Advice(e.SMTPCode, e.EnhancedCode, e.Reason, false)
	case StateSent:
		if strings.HasPrefix(e.EnhancedCode, "4.") {
			return adviceLate
		}
	case StateFailed, StateBounced:
		if strings.HasPrefix(e.EnhancedCode, "4.") || e.EnhancedCode == "" && e.SMTPCode/100 != 5 {
			return adviceDeadline
		}
		return delivery.Advice(e.SMTPCode, e.EnhancedCode, e.Reason, true)
	case StateDead:
		return adviceDead
	case StateSkipped:
		if e.Kind == events.KindEmailChanged {
			return "" // nobody needs to hear it
		}
		return map[string]string{
			ReasonRecipientFailed: adviceRecipient, ReasonNotLicensed: adviceEnable, ReasonNotSent: adviceNotSent,
		}[e.Reason]
	}
	return ""
}
