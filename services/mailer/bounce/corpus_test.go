package bounce

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A corpus of notifications in the shapes that servers are known to send, written for
// this test. Each is about our mail to anna@example.com.

const gone = "gone@far.example"

// report is one after RFC 3464, with a text, the status, and the header that came back.
func report(text, status string) string {
	return "Return-Path: <>\r\nFrom: MAILER-DAEMON@relay.example (Mail Delivery System)\r\nSubject: Undelivered Mail Returned to Sender\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\r\n\r\n" +
		"--b1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" + text + "\r\n" +
		"--b1\r\nContent-Type: message/delivery-status\r\n\r\n" + status + "\r\n" + returned + "--b1--\r\n"
}

const returned = "--b1\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: softphone@softphone.example\r\nMessage-Id: " + ours + "\r\n\r\n"

// fieldsOf are those of one recipient.
func fieldsOf(action, status, diagnostic string) string {
	return "Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; " + gone + "\r\nAction: " + action + "\r\nStatus: " + status + "\r\n" +
		diagnostic + "\r\n"
}

// plain is one that a server wrote for people.
func plain(header, body string) string {
	if !strings.Contains(header, "From:") {
		header += "From: Mail Delivery System <MAILER-DAEMON@relay.example>\r\n"
	}
	return header + "Subject: Mail delivery failed: returning message to sender\r\n\r\n" + strings.ReplaceAll(body, "\n", "\r\n")
}

func encodedPart(encoding, body string) string {
	return "From: MAILER-DAEMON@relay.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\r\n\r\n" +
		"--b1\r\nContent-Type: message/delivery-status\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + body + "\r\n" + returned + "--b1--\r\n"
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	const smtp = "Diagnostic-Code: smtp; "
	noUser := fieldsOf("failed", "5.1.1", smtp+"550 5.1.1 <gone@far.example>: Recipient address rejected: User unknown")
	eximBody := "This message was created automatically by mail delivery software.\n\n" +
		"A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n" +
		"  gone@far.example\n    %s\n\n------ This is a copy of the message, including all the headers. ------\n\nMessage-Id: " + ours + "\n"
	qmailBody := "Hi. This is the qmail-send program at relay.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n" +
		"This is a permanent error; I've given up. Sorry it didn't work out.\n\n<gone@far.example>:\n%s\n\n--- Below this line is a copy of the message.\n\n" +
		"Return-Path: <softphone@softphone.example>\nMessage-Id: " + ours + "\n"
	cases := []struct {
		name, raw        string
		action, enhanced string
		code             int
	}{
		{"Postfix", report("", noUser), Failed, "5.1.1", 550},
		{"Postfix, no such domain", report("", fieldsOf("failed", "5.4.4", "Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error for name=far.example type=A: Host not found")), Failed, "5.4.4", 0},
		{"Postfix, delayed", report("", fieldsOf("delayed", "4.4.1", "Diagnostic-Code: X-Postfix; connect to mx.far.example[192.0.2.7]:25: Connection timed out")), Delayed, "4.4.1", 0},
		{"Postfix, expired", report("", fieldsOf("failed", "4.4.1", "Diagnostic-Code: X-Postfix; connect to mx.far.example[192.0.2.7]:25: Connection timed out")), Failed, "4.4.1", 0},
		{"Postfix, policy", report("", fieldsOf("failed", "5.7.1", smtp+"550 5.7.1 Message rejected")), Failed, "5.7.1", 550},
		{"piped by local(8)", "From MAILER-DAEMON  Sat Nov 28 05:06:02 2026\n" + report("", noUser), Failed, "5.1.1", 550},
		{"in an mbox, quoted", ">From MAILER-DAEMON Sat Nov 28 05:06:02 2026\r\n" + report("", noUser), Failed, "5.1.1", 550},
		{"a byte order mark first", "\xef\xbb\xbf" + report("", noUser), Failed, "5.1.1", 550},
		{"an empty line first", "\r\n" + report("", noUser), Failed, "5.1.1", 550},
		{"all of that", "\xef\xbb\xbf\r\nFrom x Sat Nov 28 05:06:02 2026\r\n" + report("", noUser), Failed, "5.1.1", 550},
		{"blanks before the colons", report("", "Reporting-MTA : dns;mx.far.example\r\n\r\nAction : failed\r\nStatus : 5.1.1\r\nDiagnostic-Code : smtp;550 5.1.1 user unknown\r\nFinal-Recipient : rfc822;gone@far.example\r\n"), Failed, "5.1.1", 550},
		{"a blank before a header's colon", strings.Replace(report("", noUser), "Content-Type: multipart", "Content-Type : multipart", 1), Failed, "5.1.1", 550},
		{"the quoted answer beats the status", report("", fieldsOf("failed", "5.1.1", smtp+"550 5.7.1 IP address blacklisted by recipient")), Failed, "5.7.1", 550},
		{"a status that says nothing", report("", fieldsOf("failed", "5.0.0", smtp+"550 5.2.1 mailbox disabled")), Failed, "5.2.1", 550},
		{"a quoted answer that says nothing", report("", fieldsOf("failed", "5.1.1", smtp+"550 5.0.0 no")), Failed, "5.1.1", 550},
		{"expired", report("", fieldsOf("expired", "4.4.7", smtp+"451 4.4.1 timeout")), Failed, "4.4.1", 451},
		{"failure", report("", fieldsOf("failure", "5.1.1", "")), Failed, "5.1.1", 0},
		{"an action with a comment", report("", fieldsOf("failed (no such user)", "5.1.1 (bad destination)", "")), Failed, "5.1.1", 0},
		{"a diagnostic without a type", report("", fieldsOf("failed", "5.0.0", "Diagnostic-Code: 550 5.1.1 no such user; check the address")), Failed, "5.1.1", 550},
		{"a diagnostic of many lines", report("", fieldsOf("failed", "5.0.0", smtp+"552-5.2.2 The mailbox\r\n    552 5.2.2 is full")), Failed, "5.2.2", 552},
		{"no action", report("", "Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; gone@far.example\r\nStatus: 5.1.1\r\n"), Failed, "5.1.1", 0},
		{"no final recipient", report("", "Reporting-MTA: dns; relay.example\r\n\r\nOriginal-Recipient: rfc822; gone@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"), Failed, "5.1.1", 0},
		{"lines that end with LF", strings.ReplaceAll(report("", noUser), "\r\n", "\n"), Failed, "5.1.1", 550},
		{"Sendmail, CNAME of reporter", report("", "Reporting-MTA: dns; relay.example\r\nReceived-From-MTA: DNS; app.example\r\nArrival-Date: Sat, 28 Nov 2026 05:00:00 GMT\r\n\r\nFinal-Recipient: RFC822; gone@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: DNS; mx.far.example\r\nDiagnostic-Code: SMTP; 550 5.1.1 <gone@far.example>... User unknown\r\nLast-Attempt-Date: Sat, 28 Nov 2026 05:00:01 GMT\r\n"), Failed, "5.1.1", 550},
		{"Exchange", report("Delivery has failed to these recipients or groups:", fieldsOf("failed", "5.1.10", smtp+"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup")), Failed, "5.1.10", 550},
		{"Exchange, quota", report("", fieldsOf("failed", "5.2.2", smtp+"554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException")), Failed, "5.2.2", 554},
		{"Gmail", report("** Address not found **", fieldsOf("failed", "5.1.1", smtp+"550-5.1.1 The email account that you tried to reach does not exist.\r\n 550 5.1.1 Please try double-checking")), Failed, "5.1.1", 550},
		{"Domino", report("", fieldsOf("failed", "5.0.0", "Diagnostic-Code: X-Notes; User gone (gone@far.example) not listed in Domino Directory")), Failed, "5.0.0", 0},
		{"text and status in one mixed mail", strings.Replace(report("", noUser), "multipart/report; report-type=delivery-status;", "multipart/mixed;", 1), Failed, "5.1.1", 550},
		{"a report in a report", "From: list@far.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + strings.Join(strings.Split(report("", noUser), "\r\n")[4:], "\r\n") + "\r\n--o--\r\n", Failed, "5.1.1", 550},
		{"base64", encodedPart("base64", base64.StdEncoding.EncodeToString([]byte(noUser))), Failed, "5.1.1", 550},
		{"quoted-printable", encodedPart("quoted-printable", strings.ReplaceAll(noUser, "=", "=3D")), Failed, "5.1.1", 550},
		{"the wrong type of the status", strings.Replace(report("", noUser), "message/delivery-status", "text/plain", 1), Failed, "5.1.1", 550},
		{"another boundary than it says", strings.Replace(report("", noUser), `boundary="b1"`, `boundary="b2"`, 1), Failed, "5.1.1", 550},
		{"no boundary at all", strings.Replace(report("", noUser), `; boundary="b1"`, "", 1), Failed, "5.1.1", 550},
		{"no MIME at all", "From: postmaster@far.example\r\nSubject: failure\r\n\r\n" + noUser + "\r\nMessage-Id: " + ours + "\r\n", Failed, "5.1.1", 550},
		{"a charset of the west", strings.Replace(report("Der Empf\xe4nger ist unbekannt", noUser), "us-ascii", "iso-8859-1", 1), Failed, "5.1.1", 550},
		{"two recipients, one late", report("", fieldsOf("delayed", "4.4.1", "")+"\r\nFinal-Recipient: rfc822; other@far.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"), Failed, "5.1.1", 0},
		{"Exim", plain("X-Failed-Recipients: gone@far.example\r\nAuto-Submitted: auto-replied\r\n", fmt.Sprintf(eximBody, "host mx.far.example [192.0.2.7]\n    SMTP error from remote mail server after RCPT TO:<gone@far.example>:\n    550 5.1.1 User unknown")), Failed, "5.1.1", 550},
		{"Exim, unrouteable", plain("X-Failed-Recipients: gone@far.example\r\n", fmt.Sprintf(eximBody, "Unrouteable address")), Failed, "", 0},
		{"Exim, plain 550", plain("X-Failed-Recipients: gone@far.example\r\n", fmt.Sprintf(eximBody, "SMTP error from remote mail server after RCPT TO:<gone@far.example>:\n    550 No Such User Here")), Failed, "", 550},
		{"Exim, delayed", plain("", "This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\n  gone@far.example\n    Delay reason: Connection timed out\n\nNo action is required on your part. Message-Id: "+ours+"\n"), Delayed, "", 0},
		{"qmail", plain("From: MAILER-DAEMON@relay.example\r\n", fmt.Sprintf(qmailBody, "192.0.2.7 does not like recipient.\nRemote host said: 550 5.1.1 no such user\nGiving up on 192.0.2.7.")), Failed, "5.1.1", 550},
		{"qmail, its own", plain("From: MAILER-DAEMON@relay.example\r\n", fmt.Sprintf(qmailBody, "Sorry, no mailbox here by that name. (#5.1.1)")), Failed, "5.1.1", 0},
		{"qmail, a plain answer", plain("From: MAILER-DAEMON@relay.example\r\n", fmt.Sprintf(qmailBody, "Connected to 192.0.2.7 but recipient was rejected.\nRemote host said: 554 delivery error: dd This user doesn't have a far.example account")), Failed, "", 554},
		{"a text of a postmaster", plain("From: Postmaster <postmaster@far.example>\r\n", "Your message to gone@far.example could not be delivered:\n\n550 5.2.1 The mailbox is disabled\n\nMessage-Id: "+ours+"\n"), Failed, "5.2.1", 550},
		{"host said", report("", fieldsOf("failed", "5.0.0", smtp+"host mx.far.example[192.0.2.1] said: 550 5.7.1 rejected (in reply to RCPT TO command)")), Failed, "5.7.1", 550},
		{"a status that is a code", report("", fieldsOf("failed", "550", smtp+"550 5.1.1 gone")), Failed, "5.1.1", 550},
		{"a stray line in the header", strings.Replace(report("", noUser), "MIME-Version", "this is no field\r\nMIME-Version", 1), Failed, "5.1.1", 550},
		{"a stray line in the status", report("", strings.Replace(noUser, "Action:", "this is no field\r\nAction:", 1)), Failed, "5.1.1", 550},
		{"lines that end with CR", strings.ReplaceAll(report("", noUser), "\r\n", "\r"), Failed, "5.1.1", 550},
		{"blanks before colons, in base64", encodedPart("base64", base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(noUser, ": ", " : ")))), Failed, "5.1.1", 550},
		{"Amazon SES", report("", "Reporting-MTA: dns; smtp-out.amazonses.example\r\n\r\nAction: failed\r\nFinal-Recipient: rfc822; gone@far.example\r\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\r\nStatus: 5.1.1\r\n"), Failed, "5.1.1", 550},
		{"Gmail, no such domain", report("", fieldsOf("failed", "4.0.0", smtp+"The recipient server did not accept our requests to connect. DNS Error: lookup of far.example responded with code NXDOMAIN")), Failed, "4.0.0", 0},
		{"Sendmail, a text of old", plain("From: Mail Delivery Subsystem <MAILER-DAEMON@far.example>\r\n", "   ----- The following addresses had permanent fatal errors -----\n<gone@far.example>\n\n   ----- Transcript of session follows -----\n... while talking to mx.far.example.:\n>>> RCPT To:<gone@far.example>\n<<< 550 5.1.1 <gone@far.example>... User unknown\n\n   ----- Original message follows -----\nMessage-Id: "+ours+"\n"), Failed, "5.1.1", 550},
		{"GroupWise", plain("From: Mailer-Daemon <postmaster@far.example>\r\n", "The message that you sent was undeliverable to the following:\n\tgone@far.example (550 5.1.1 user unknown)\n\nMessage-Id: "+ours), Failed, "5.1.1", 550},
		{"Outlook's text", plain("From: System Administrator <postmaster@far.example>\r\n", "Your message did not reach some or all of the intended recipients.\n\n      gone@far.example on 28/11/2026 05:00\n            The e-mail account does not exist.\n            <mx.far.example #5.1.1 smtp;550 5.1.1 <gone@far.example>: User unknown>\n\nMessage-Id: "+ours), Failed, "5.1.1", 550},
		{"in German", plain("From: Mailer-Daemon@far.example\r\nContent-Type: text/plain; charset=iso-8859-1\r\n", "Ihre Nachricht konnte nicht zugestellt werden:\n\n  gone@far.example:\n  550 Benutzer unbekannt f\xfcr uns\n\nMessage-Id: "+ours), Failed, "", 550},
		{"of a machine without the usual name", plain("Return-Path: <>\r\nFrom: \"Mail System\" <noreply@far.example>\r\n", "Delivery to the following recipient failed permanently:\n\n     gone@far.example\n\nTechnical details: 550 5.1.1 no such user\n\nMessage-Id: "+ours), Failed, "5.1.1", 550},
		{"a page of HTML", plain("From: postmaster@far.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n", "<p>Delivery to gone@far.example failed permanently.</p><p>550 5.1.1 unknown user</p><p>Message-Id: "+ours+"</p>"), Failed, "5.1.1", 550},
		{"old MTA, answer in the text", plain("", "   ----- The following addresses had permanent fatal errors -----\n<gone@far.example>\n\n   ----- Transcript of session follows -----\n... while talking to mx.far.example.:\n>>> RCPT To:<gone@far.example>\n<<< 550 5.1.1 <gone@far.example>... User unknown\n\nMessage-Id: "+ours+"\n"), Failed, "5.1.1", 550},
	}
	right := 0
	for _, c := range cases {
		n, err := Parse([]byte(c.raw))
		r, news := n.Of("anna@example.com")
		switch {
		case err != nil:
			t.Errorf("%s: refused: %v", c.name, err)
		case !slices.Contains(n.MessageIDs, ours):
			t.Errorf("%s: about %v", c.name, n.MessageIDs)
		case !news || r.Action != c.action || r.Enhanced != c.enhanced || r.Code != c.code:
			t.Errorf("%s: %+v, want %s %q %d", c.name, r, c.action, c.enhanced, c.code)
		default:
			right++
		}
	}
	t.Logf("%d of %d have their status", right, len(cases))
}

// What a person or a machine for a person answers is no notification, however much it quotes.
func TestNoNotification(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"a vacation": plain("From: Anna <anna@example.com>\r\nAuto-Submitted: auto-replied\r\nReturn-Path: <>\r\n", "I am away. Your mail could not be delivered to me. 550 5.1.1\n"+ours),
		"a question": plain("From: Anna <anna@example.com>\r\n", "Why do I get \"550 5.1.1 user unknown\" for gone@far.example?\n"+ours),
		"a greeting": plain("From: postmaster@far.example\r\n", "Welcome to far.example! "+ours),
	} {
		if n, err := Parse([]byte(raw)); err == nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
}
