package delivery

import "strings"

// Advice is what a person can do about a server's answer, in plain words. It goes
// by the enhanced code (RFC 3463 and those registered since), and where there is
// none, or one that says nothing, by the kind of the code. It is never empty.
func Advice(code int, enhanced string) string {
	if code == 530 || code == 535 || code == 538 {
		return adviceSignIn
	}
	if known, found := adviceOf(enhanced); found {
		return known
	}
	switch {
	case code == 0:
		return "No answer came from the mail server. It is tried again; if it stays so, have the mail server's operator look."
	case code == 421 || code == 450 || code == 451 || code == 452:
		return "The mail server asks to come back later. It is tried again by itself."
	case code/100 == 4:
		return "This will likely pass. It is tried again by itself."
	case code == 552:
		return "The mailbox is full, or the mail too large for it: ask its owner to make room, then send the mail again."
	case code == 550 || code == 551 || code == 553:
		return "Check the address with its owner, then enable the app with the right one or send the mail again."
	default:
		return "The mail server refuses this mail for good: its words say why; its operator can tell more."
	}
}

const adviceSignIn = "The mail server does not accept how we sign in or encrypt: check the user, the password or token, and SMTP_URL."

// adviceOf looks for a code without its class (5.1.1 and 4.1.1 are about the same),
// save where the class makes the difference.
func adviceOf(enhanced string) (string, bool) {
	class, detail, found := strings.Cut(enhanced, ".")
	if !found {
		return "", false
	}
	if class == "4" {
		if text, found := temporarily(detail); found {
			return text, true
		}
	}
	switch detail {
	case "1.1", "1.0", "1.3", "1.6":
		return "There is no such mailbox: check the address for a slip and with its owner, and enable the app with the right one.", true
	case "1.2", "4.4", "1.10":
		return "The address's domain takes no mail: check what is after the @.", true
	case "1.7", "1.8":
		return "The mail server does not accept our sender address: check MAIL_FROM, and that its domain is in the DNS.", true
	case "2.1":
		return "The mailbox is disabled: ask its owner, or use another address.", true
	case "2.2":
		return "The mailbox is full: ask its owner to make room, then send the mail again.", true
	case "2.3", "3.4":
		return "The mail is too large for the mailbox or the server: make the brand's logo smaller.", true
	case "4.6":
		return "The mail goes round in circles at the receiver's: the receiver's mail administrator has to mend a forwarding.", true
	case "6.7", "1.9":
		return "The receiver's server takes only addresses in plain ASCII: use another address.", true
	case "7.8", "7.9", "7.10", "7.11", "7.12", "7.13", "7.14":
		return adviceSignIn, true
	case "7.0", "7.1", "7.2":
		return "The receiver's rules refuse the mail: ask the receiver's mail administrator to allow our sender address.", true
	case "7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.27":
		return "The sender could not be proved: check SPF, DKIM and DMARC of our sender's domain.", true
	case "7.25":
		return "Our mail server's address has no name in the DNS: its operator has to set the reverse entry.", true
	case "7.28":
		return "The receiver counts too many mails from us: lower SMTP_RATE or MAIL_DOMAIN_LIMITS.", true
	}
	return "", false
}

// temporarily is what a code means while it may pass.
func temporarily(detail string) (string, bool) {
	switch detail {
	case "7.0", "7.1":
		return "The receiver's server asks a sender it does not know to come back later (greylisting). It is tried again by itself; nothing to do.", true
	case "2.2":
		return "The mailbox is full. It is tried again by itself; ask its owner to make room.", true
	case "3.1", "3.2":
		return "The mail server is short of room or closed for a while. It is tried again by itself.", true
	case "4.1", "4.2", "4.3", "4.5", "4.7":
		return "The receiver's mail server cannot be reached just now. It is tried again by itself.", true
	}
	return "", false
}
