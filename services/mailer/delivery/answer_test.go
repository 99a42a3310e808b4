package delivery

import (
	"net/textproto"
	"testing"
)

// meaning is what follows from an answer.
type meaning string

const (
	pauseAll    meaning = "pause"        // about us: no mail would pass
	pauseSender meaning = "pause sender" // no mail of that sender would
	later       meaning = "later"        // this mail again
	fail        meaning = "fail"         // this mail, and the address is good
	block       meaning = "block"        // nobody is there
)

// What servers are known to answer, in their kinds of words, and what follows.
func TestAnswersOfServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stage Stage
		code  int
		text  string
		want  meaning
	}{
		// What more of them say.
		{stageRCPT, 553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", pauseAll},
		{stageRCPT, 550, "5.7.1 Client does not have permission to submit mail to this server", pauseAll},
		{stageRCPT, 550, "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", pauseAll},
		{stageDot, 554, "Sending paused for this account. For more information, please check the inbox of your account", pauseAll},
		{stageRCPT, 550, "Your account has been suspended", pauseAll}, // ours
		{stageRCPT, 550, "Outgoing mail from this account has been suspended", pauseAll},
		{stageRCPT, 550, "authentication required", pauseAll},
		{stageRCPT, 551, "This mail server requires authentication when attempting to send to a non-local e-mail address.", pauseAll},
		{stageRCPT, 550, "You must check for new mail before sending mail.", pauseAll},
		{stageRCPT, 552, "5.7.1 Outgoing mail quota exceeded", pauseAll},
		{stageRCPT, 550, "5.7.1 Rate limited for your account", pauseAll},
		{stageDot, 550, "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP", pauseAll},
		{stageDot, 554, "5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message", pauseSender},
		{stageDot, 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", pauseSender},
		{stageRCPT, 550, "Sender callout verification failed", pauseSender},
		{stageDot, 550, "Invalid address in From header", pauseSender},
		{stageDot, 552, "sorry, the person you are trying to reach has a full mailbox", later},
		{stageRCPT, 550, "rate limit exceeded", later},
		{stageRCPT, 550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed", fail},
		{stageDot, 554, "5.2.0 STOREDRV.Submission.Exception:OutboundSpamException", fail},
		{stageRCPT, 550, "This account has been disabled or discontinued", block},

		// Nobody is there.
		{stageRCPT, 550, "5.1.1 <nobody@far.example>: Recipient address rejected: User unknown in local recipient table", block},
		{stageRCPT, 550, "5.1.1 <nobody@far.example>: Recipient address rejected: User unknown in virtual mailbox table", block},
		{stageRCPT, 550, "5.1.1 <nobody@far.example>... User unknown", block},
		{stageRCPT, 553, "5.3.0 <nobody@far.example>... No such user here", fail}, // 5.3 is of the system
		{stageRCPT, 550, "No Such User Here", block},
		{stageRCPT, 550, "Unrouteable address", block},
		{stageRCPT, 550, "no mailbox here by that name. (#5.1.1)", block},
		{stageRCPT, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", block},
		{stageDot, 550, "5.1.10 RecipientNotFound", block},
		{stageRCPT, 550, "5.4.1 Recipient address rejected: Access denied. [far.example]", block},
		{stageRCPT, 550, "5.1.1 The email account that you tried to reach does not exist. Please try double-checking the address", block},
		{stageRCPT, 550, "5.2.1 The email account that you tried to reach is disabled.", block},
		{stageRCPT, 554, "delivery error: dd This user doesn't have a far.example account (nobody@far.example)", block},
		{stageRCPT, 554, "30 Sorry, your message to nobody@far.example cannot be delivered. This mailbox is disabled", block},
		{stageRCPT, 550, "5.5.0 Requested action not taken: mailbox unavailable (S2017062302)", block},
		{stageRCPT, 550, "Requested action not taken: mailbox unavailable", block},
		{stageRCPT, 550, "5.1.2 <nobody@nowhere.example>: Recipient address rejected: Domain not found", block},
		{stageRCPT, 550, "5.4.4 Invalid domain: nothing in the DNS", block},
		{stageRCPT, 553, "5.1.3 Invalid address syntax", block},
		{stageRCPT, 550, "5.1.6 Recipient has moved", block},
		{stageRCPT, 550, "Recipient unknown", block},
		{stageRCPT, 551, "User not local; please try elsewhere", fail}, // says where nobody is, not that nobody is
		{stageRCPT, 550, "Invalid recipient <nobody@far.example>", block},
		{stageRCPT, 550, "Account nobody@far.example has been deleted", block},
		{stageRCPT, 550, "5.0.0 Mailbox does not exist", block},
		{stageRCPT, 556, "5.1.10 Domain does not accept mail (nullMX)", block},
		{stageRCPT, 550, "#5.1.0 Address rejected.", fail},
		{stageRCPT, 550, "nobody@far.example... No such person at this address", block},

		// The mailbox is there and takes nothing now.
		{stageDot, 552, "5.2.2 over quota", later},
		{stageRCPT, 552, "5.2.2 The email account that you tried to reach is over quota and inactive.", later},
		{stageRCPT, 552, "5.2.2 <ann@far.example>: Recipient address rejected: Quota exceeded (mailbox for user is full)", later},
		{stageRCPT, 550, "5.2.2 <ann@far.example>: user is over quota", later},
		{stageRCPT, 552, "Mailbox full", later},
		{stageRCPT, 554, "5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", later},
		{stageRCPT, 550, "Mailbox is full / Blocks limit exceeded / Inode limit exceeded", later},
		{stageRCPT, 452, "4.2.2 The email account that you tried to reach is over quota.", later},
		{stageRCPT, 550, "5.2.1 the user is receiving mail at a rate that prevents additional messages", later},
		{stageRCPT, 450, "4.2.1 The user you are trying to contact is receiving mail too quickly.", later},
		{stageRCPT, 450, "4.7.1 <c93fcab98fcb>: Helo command rejected: Host not found", later},
		{stageRCPT, 451, "4.7.1 Greylisting in action, please come back later", later},
		{stageRCPT, 421, "4.7.0 Try again later, closing connection.", later},
		{stageDot, 451, "4.3.0 Mail server temporarily rejected message", later},

		// We have sent too much.
		{stageDot, 550, "5.4.5 Daily user sending limit exceeded.", pauseAll},
		{stageDot, 550, "5.4.5 Daily SMTP relay sending limit exceeded for this user.", pauseAll},
		{stageDot, 550, "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", pauseAll},
		{stageDot, 550, "5.1.90 daily limit for message recipients reached", pauseAll},
		{stageRCPT, 550, "Domain acme.example has exceeded the max emails per hour (100/100 (100%)) allowed.  Message discarded.", pauseAll},
		{stageRCPT, 550, "Domain acme.example has exceeded the max defers and failures per hour (5/5 (100%)) allowed.", pauseAll},
		{stageDot, 554, "Daily message quota exceeded.", pauseAll},
		{stageMAIL, 454, "Throttling failure: Maximum sending rate exceeded.", later},
		{stageDot, 554, "Maximum credits exceeded", pauseAll},
		{stageRCPT, 550, "Hourly sending limit reached for this account", pauseAll},

		// We may not send as that, or from there.
		{stageDot, 554, "5.2.252 SendAsDenied; app@acme.example not allowed to send as softphone@acme.example", pauseSender},
		{stageDot, 554, "Message rejected: Email address is not verified: softphone@acme.example", pauseSender},
		{stageDot, 550, "The from address does not match a verified Sender Identity. Mail cannot be sent", pauseSender},
		{stageRCPT, 550, "Verification failed for <softphone@acme.example>\nNo Such User Here\nSender verify failed", pauseSender},
		{stageRCPT, 553, "5.7.1 <softphone@acme.example>: Sender address rejected: not owned by user app", pauseSender},
		{stageMAIL, 550, "5.1.8 Access denied, bad outbound sender", pauseSender},
		{stageMAIL, 553, "sorry, that domain isn't in my list", pauseSender},
		{stageRCPT, 550, "relay not permitted", pauseAll},
		{stageRCPT, 554, "5.7.1 <ann@far.example>: Relay access denied", pauseAll},
		{stageRCPT, 550, "5.7.1 Relaying denied", pauseAll},
		{stageRCPT, 550, "5.7.1 Unable to relay", pauseAll},
		{stageRCPT, 554, "5.7.1 <relay.acme.example[192.0.2.1]>: Client host rejected: Access denied", pauseAll},
		{stageRCPT, 554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example", pauseAll},
		{stageRCPT, 530, "5.7.0 Must issue a STARTTLS command first", pauseAll},
		{stageRCPT, 550, "5.7.1 Client was not authenticated", fail},

		// This mail.
		{stageDot, 550, "High probability of spam", fail},
		{stageDot, 550, "5.7.1 Message rejected as spam by Content Filtering.", fail},
		{stageDot, 554, "5.7.1 Message contains a virus", fail},
		{stageDot, 550, "5.7.26 Unauthenticated email from acme.example is not accepted due to domain's DMARC policy.", pauseSender},
		{stageDot, 552, "5.3.4 Message size exceeds fixed limit", fail},
		{stageDot, 554, "5.4.6 Hop count exceeded - possible mail loop", fail},
		{stageDot, 554, "5.4.14 Hop count exceeded - possible mail loop ATTR34", fail},
		{stageRCPT, 550, "5.7.1 Recipient not authorized, your IP has been found on a block list", fail},
		{stageDot, 554, "5.7.0 Message rejected for policy reasons", fail},
		{stageRCPT, 550, "", fail},
		{stageRCPT, 553, "", fail},
		{stageDot, 554, "Transaction failed", fail},
	} {
		f := failed(c.stage, &textproto.Error{Code: c.code, Msg: c.text})
		got := fail
		switch {
		case f.Verdict == Unavailable:
			got = pauseAll
		case f.Verdict == SenderRefused:
			got = pauseSender
		case f.Verdict == Temporary:
			got = later
		case RecipientGone(f.Code, f.Enhanced, f.Error()):
			got = block
		}
		if got != c.want {
			t.Errorf("%s: %d %s: %s, want %s", c.stage, c.code, c.text, got, c.want)
		}
		if got != block && RecipientGone(f.Code, f.Enhanced, f.Error()) {
			t.Errorf("%s: %d %s: the recipient is gone, and the mail is not told so", c.stage, c.code, c.text)
		}
	}
}
