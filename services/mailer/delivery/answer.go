package delivery

import (
	"regexp"
	"slices"
	"strings"
)

// What the text of an answer is about. Servers have one code for many things, 550 above
// all, and say what they mean in text: these are the words of Postfix, Exim,
// Sendmail, qmail, Exchange, Gmail, Yahoo, Amazon SES, SendGrid and hosting panels.
//
// An answer may be about several things at once. The order here decides: what is said of
// us comes before what is said of the recipient, because a recipient that is wrongly taken
// for gone gets no mail at all.
var (
	// ourHost is refused, whatever the mail.
	ourHost = regexp.MustCompile(`(?i)\b(client host|helo command) rejected\b|\bclient host \[[^]]*\] blocked using\b|\b(invalid|bad) (helo|ehlo)\b`)

	// ourRelaying: the server does not send for us, or not to there.
	ourRelaying = regexp.MustCompile(`(?i)\brelay(ing)?( access)? (denied|not permitted|not allowed|prohibited)|\bunable to relay\b|` +
		`\bnot permitted to relay\b|\bwe do not relay\b|\ballowed rcpthosts\b|\bpermission to submit mail\b`)

	// ourAccount: the server demands that we sign in, or has closed our account.
	ourAccount = regexp.MustCompile(`(?i)\bauthentication (is )?required\b|\brequires authentication\b|\bauthenticate first\b|` +
		`\bcheck for new mail before sending\b|\bsending (is |has been )?(paused|suspended|disabled)\b|` +
		`\byour account (is|has been|was) (suspended|disabled|blocked|locked)|\boutgoing (mail|e-?mail|messages) .{0,40}\b(suspended|disabled|blocked)\b`)

	// ourLimit: we have sent as much as we may for now.
	ourLimit = regexp.MustCompile(`(?i)\b(daily|hourly|sending|message|submission|recipient) (user )?(sending )?(limit|quota)|` +
		`\b(daily|hourly) (limit|quota)|\bmax(imum)? (e-?mails?|messages|recipients|defers and failures) per (hour|day)|` +
		`\b(sending|send) (limit|quota|rate)|\blimit (for|of) (message )?(recipients|messages|e-?mails)\b|\bexceeded .{0,30}\bper (hour|day|minute)\b|` +
		`\bmaximum (send|sending) rate exceeded|\bmaximum credits exceeded|\btoo many (messages|e-?mails) (sent )?from\b|` +
		`\boutgoing (mail|e-?mail|message)s? (limit|quota)|\brate.limited for your\b`)

	// ourSender is refused, and so would be all mails of it.
	ourSender = regexp.MustCompile(`(?i)\bsender address rejected\b|\bsendasdenied|\bpermissions? to send as\b|\bnot (allowed|permitted|authorized) to send (as|from|on behalf)\b|` +
		`\b(sender|e-?mail address|identit(y|ies)|from address) .{0,40}\bnot (been )?verified\b|\be-?mail address is not verified\b|` +
		`\bsender (callout |address )?verif(y|ication) failed|\bverification failed for\b|\bsender (address )?(is )?not (owned|allowed|permitted|authorized)\b|` +
		`\bfrom address does not match a verified\b|\bunauthenticated (e-?mail|sender)s? from\b|` +
		`\baddress in (the )?from:? header\b`)

	// fullMailbox: there is no room in it now.
	fullMailbox = regexp.MustCompile(`(?i)\b(over|exceeds?|exceeded|out of) (its |the |their |his |her |allowed |disk |mailbox |storage |user )*(quota|storage|allocation)|` +
		`\b(quota|storage|mailbox size|size limit) (limit )?(has been |was |is )?(exceeded|full)|\b(mailbox|inbox|mail folder|account) (is |for .{0,60} is )?(full|over)\b|\bfull (mailbox|inbox)\b|` +
		`\bnot enough (storage )?space\b|\binsufficient (mailbox |disk )?(space|storage)`)

	// receivingRate: the mailbox gets too much at a time.
	receivingRate = regexp.MustCompile(`(?i)\breceiving (mail|e-?mail|messages) (at a rate|too (quickly|fast))|\brecipient.{0,40}\b(rate|too many messages)|\brate.limit (is |was |has been )?(exceeded|reached)`)

	// unwanted: filters and policies, about this mail or its sender.
	unwanted = regexp.MustCompile(`(?i)\bspam|\bblock(ed|list)|\bblacklist|\blisted (in|by|on|at)\b|\breputation\b|\bpolic(y|ies)\b|\bdmarc\b|\bspf\b|\bdkim\b|` +
		`\bvirus|\bmalware|\bcontent rejected\b|\bsuspicious\b|\bunsolicited\b|\bbulk mail\b|\bloop(s|ed|ing)?\b|\btoo many hops\b`)

	// noMailbox: there is no such mailbox.
	noMailbox = regexp.MustCompile(`(?i)\b(user|recipient|mailbox|account|address|person|alias|name|destination|login)( .{0,80})? ` +
		`((is |was )?(unknown|not found|not known|invalid|undeliverable|unrouteable|disabled|inactive|discontinued|suspended|deactivated|no longer .{0,20})|` +
		`(does not|doesn't|doesnt|do not|don't) exist|not (recognized|listed in domino)|(has been|is) (disabled|deleted|removed))|` +
		`\b(unknown|invalid|no such|nonexistent|non-existent|not a (known|valid|local)|unrouteable|undeliverable|inactive|bad|illegal) ` +
		`(or illegal )?(user|recipient|mailbox|account|address|alias|person|name|destination|rcpt)|\brecipient ?not ?found\b|` +
		`\bno (such )?(mailbox|user|recipient|person|one|account)( .{0,40})? (here|by that name|at this|with that)|\bdoes not have (an|a) .{0,30}account\b|` +
		`\bdoesn't have an? .{0,30}account\b|\bno mailbox here\b|\bmailbox unavailable\b|\bhost unknown\b|\b(unknown|no such) (host|domain)|` +
		`\bdomain (name )?(not found|does not exist|unknown)|\baddress(es)? (could not be found|couldn't be found|no longer)|\bdoes not accept mail\b`)
)

// goneCodes are the enhanced codes of a recipient that no mail will ever reach: no such
// mailbox or system, an invalid address, one that moved without a trace (RFC 3463
// §3.2), a domain that takes no mail (RFC 7505), a mailbox that is disabled (§3.3), and no
// answer or way (§3.5), where they are said for good.
func goneCodes() []string {
	return []string{"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.1", "5.4.4"}
}

// RecipientGone reports whether an answer, or the status of a mail that came back, means
// that the next mail to the same address would fail as well. It goes by the enhanced code,
// and if that says nothing about the mailbox by the text; never by 550 alone. A full
// mailbox may be emptied, and a limit of ours is over tomorrow.
func RecipientGone(code int, enhanced, text string) bool {
	if code/100 == 4 && enhanced == "" || strings.HasPrefix(enhanced, "4.") {
		return false
	}
	switch {
	case ourHost.MatchString(text), ourRelaying.MatchString(text), ourAccount.MatchString(text), ourLimit.MatchString(text), ourSender.MatchString(text),
		receivingRate.MatchString(text), fullMailbox.MatchString(text):
		return false
	case slices.Contains(goneCodes(), enhanced):
		return true
	}
	switch enhanced {
	case "", "5.0.0", "5.1.0", "5.2.0", "5.4.0", "5.5.0":
		return !unwanted.MatchString(text) && noMailbox.MatchString(text)
	}
	return false
}

// aboutUs recognizes refusals of the client: encryption or authentication demanded or
// failed (RFC 4954 §6, RFC 3207 §4), relaying denied, a limit reached. 5.7.1 alone is not
// among them: it is as often a recipient's policy, and one address must not stop all mail.
// 5.7.0, which says no more than security, is about us until the mail was seen: filters
// refuse its content with that. 5.4.5 is a limit on what we send at Google.
func aboutUs(stage Stage, code int, enhanced, text string) bool {
	if ourHost.MatchString(text) || ourRelaying.MatchString(text) || closesOurAccount(enhanced, text) || limitsUs(enhanced, text) {
		return true
	}
	switch code {
	case 523, 530, 534, 535, 538:
		return true
	}
	switch enhanced {
	case "5.7.8", "5.7.9", "5.7.10", "5.7.11", "5.7.705", "5.7.708": // the last two of Exchange Online, which bans a tenant or its address
		return true
	case "5.7.0":
		return stage < stageDot
	}
	return false
}

// closesOurAccount goes by the text, except where Exchange says with 5.7.1xx that a group or
// a mailbox takes mail only from its own organization.
func closesOurAccount(enhanced, text string) bool {
	return ourAccount.MatchString(text) && (len(enhanced) < len("5.7.1xx") || !strings.HasPrefix(enhanced, "5.7.1"))
}

func limitsUs(enhanced, text string) bool {
	if receivingRate.MatchString(text) || enhanced == "5.2.1" {
		return false
	}
	return enhanced == "5.4.5" || enhanced == "5.1.90" || ourLimit.MatchString(text)
}

// aboutSender recognizes refusals of the sender's address: what RFC 5321 §4.2.3 has for
// an address at MAIL, the codes of RFC 3463 §3.2, Exchange's 5.2.252 and 5.7.60, and words.
func aboutSender(stage Stage, code int, enhanced, text string) bool {
	return stage == stageMAIL && (code == 550 || code == 553) ||
		enhanced == "5.1.7" || enhanced == "5.1.8" || enhanced == "5.2.252" || enhanced == "5.7.60" || ourSender.MatchString(text)
}

// passes recognizes 5xx answers that hold only for a while: a mailbox that is full,
// which RFC 3463 §3.3 calls a persistent transient error, or that gets too much at a time.
func passes(enhanced, text string) bool {
	return enhanced == "5.2.2" || fullMailbox.MatchString(text) && !strings.HasPrefix(enhanced, "5.7.") || receivingRate.MatchString(text)
}
