package delivery

import "strings"

// Advice is what a person can do about a server's answer, in plain words. It goes by the
// answer's text where that is clear, then by the enhanced code (RFC 3463 and those
// registered since), and if there is none, or one that says nothing, by the class of the
// code. Final says that the mail is not tried again. The advice is never empty.
func Advice(code int, enhanced, text string, final bool) string {
	said := adviceOf(code, enhanced, text, final)
	if final {
		return said
	}
	return said + " " + adviceRetry
}

// BlamesAddress tells whether Advice is to correct the recipient's address.
func BlamesAddress(code int, enhanced, text string, final bool) bool {
	said := adviceOf(code, enhanced, text, final)
	return strings.HasSuffix(said, adviceTypo) || said == adviceDomain
}

const (
	adviceRetry  = "We'll retry automatically."
	adviceSignIn = "The mail server does not accept how we sign in or encrypt: check the user, the password or token, SMTP_URL, and that the account there may send."
	adviceLimit  = "The mail server limits how much we may send: wait, lower SMTP_RATE, or have the limit raised."
	adviceRoom   = "The mailbox is full: ask the person to free space, then send the mail again."
	adviceAgain  = "Send the mail again; if it fails again, ask the operator of the recipient's server."
	adviceDomain = "The address's domain takes no mail: check what is after the @, and correct the address."
	adviceTypo   = "Check the address for typos, or ask the person; then correct it: the welcome e-mail goes to the new one."
)

func adviceOf(code int, enhanced, text string, final bool) string {
	switch {
	case code == 530 || code == 535 || code == 538 || closesOurAccount(enhanced, text):
		return adviceSignIn
	case ourHost.MatchString(text) && strings.Contains(strings.ToLower(text), "helo"):
		return "The mail server does not accept our name: set SMTP_LOCAL_NAME to a name that is in the DNS."
	case ourRelaying.MatchString(text):
		return "The mail server does not send for us: check SMTP_URL, and how we sign in there."
	case limitsUs(enhanced, text):
		return adviceLimit
	case ourSender.MatchString(text):
		return "The mail server does not let us send as this sender: check MAIL_FROM and the tenant's brand, or have the server allow it."
	case receivingRate.MatchString(text):
		return "The mailbox gets too much mail at a time."
	case enhanced != "5.2.2" && fullMailbox.MatchString(text) && !strings.HasPrefix(enhanced, "4."):
		return adviceRoom
	}
	if known, found := adviceByCode(enhanced, final); found {
		return known
	}
	switch {
	case RecipientGone(code, enhanced, text):
		return "There is no such mailbox. " + adviceTypo
	case code == 0 && !final && !strings.HasPrefix(enhanced, "5."):
		return "No answer came from the mail server. If it stays so, ask the mail server's operator."
	case code/100 == 4:
		if final {
			return adviceAgain
		}
		return "The mail server asks to come back later."
	case code == 552:
		return adviceRoom
	case code == 550 || code == 551 || code == 553:
		return "The recipient's server refuses the mail. " + adviceTypo
	default:
		return "The mail server permanently refuses this mail: its words say why; its operator can tell more."
	}
}

// adviceByCode looks for a code without its class (5.1.1 and 4.1.1 are about the same),
// except where the class makes a difference.
func adviceByCode(enhanced string, final bool) (string, bool) {
	class, detail, found := strings.Cut(enhanced, ".")
	if !found {
		return "", false
	}
	if class == "4" && !final {
		if text, found := temporarily(detail); found {
			return text, true
		}
	}
	switch detail {
	case "1.1", "1.0", "1.3", "1.6", "1.10":
		return "There is no such mailbox. " + adviceTypo, true
	case "1.2", "4.4":
		return adviceDomain, true
	case "1.7", "1.8":
		return "The mail server does not accept our sender address: check MAIL_FROM, and that its domain is in the DNS.", true
	case "2.1":
		return "The mailbox is disabled: ask the person, or use another address.", true
	case "2.2":
		return adviceRoom, true
	case "2.3", "3.4":
		return "The mail is too large for the mailbox or the server: make the brand's logo smaller.", true
	case "4.6", "4.14":
		return "There is a forwarding loop at the recipient's server: its administrator has to fix it.", true
	case "4.1":
		return "The recipient's server does not know the address, or gives no answer. " + adviceTypo, true
	case "4.7":
		return "The recipient's server could not be reached for days. " + adviceAgain, true
	case "6.7", "1.9":
		return "The recipient's server takes only addresses in plain ASCII: use another address.", true
	case "7.8", "7.9", "7.10", "7.11", "7.12", "7.13", "7.14":
		return adviceSignIn, true
	case "7.0", "7.1", "7.2":
		return "The recipient's rules refuse the mail: ask the administrator of the recipient's server to allow our sender address.", true
	case "7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.27":
		return "The sender could not be verified: check SPF, DKIM and DMARC of our sender's domain.", true
	case "7.25":
		return "Our mail server's address has no name in the DNS: its operator has to set reverse DNS.", true
	case "7.28":
		return "The recipient's server counts too many mails from us: lower SMTP_RATE or MAIL_DOMAIN_LIMITS.", true
	}
	return "", false
}

// temporarily is what a code means while it may pass.
func temporarily(detail string) (string, bool) {
	switch detail {
	case "7.0", "7.1":
		return "The recipient's server asks a sender it does not know to come back later (greylisting). Nothing to do.", true
	case "2.2":
		return "The mailbox is full: ask the person to free space.", true
	case "3.1", "3.2":
		return "The mail server is out of space or closed for a while.", true
	case "4.1", "4.2", "4.3", "4.5", "4.7":
		return "The recipient's mail server cannot be reached just now.", true
	}
	return "", false
}
