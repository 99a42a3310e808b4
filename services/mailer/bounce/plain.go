package bounce

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
)

// Some servers send no report but a text for people (qmail, Exim, old ones), and some
// reports arrive broken: without their boundary, or with the status in a part of another
// type. This file reads those.

// tidy removes what programs on the way put before a mail's header: a byte order mark,
// empty lines, and the From_ line of an mbox, which Postfix's local(8) writes first when
// it pipes a mail to a command. It removes blanks before the colon of a header field, an
// obsolete syntax that readers must take (RFC 5322 §4.5.8), and lines of the header that
// are no field. Lines may end with CR alone.
func tidy(raw []byte) []byte {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if !bytes.Contains(raw, []byte("\n")) {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	}
	for {
		line, rest, found := bytes.Cut(raw, []byte("\n"))
		if !found || len(bytes.TrimSpace(line)) > 0 && !mboxLine.Match(line) {
			break
		}
		raw = rest
	}
	return withoutStrayLines(blankBeforeColon.ReplaceAll(raw, []byte("$1:")))
}

// withoutStrayLines drops from the header what is neither a field nor the continuation of
// one: it would make the whole mail unreadable.
func withoutStrayLines(raw []byte) []byte {
	var header []byte
	for rest := raw; ; {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		if !found || len(bytes.TrimSpace(line)) == 0 {
			return append(header, rest...)
		}
		if headerLine.Match(line) {
			header = append(append(header, line...), '\n')
		}
		rest = after
	}
}

var (
	headerLine       = regexp.MustCompile(`^([!-9;-~]+:|[ \t])`)
	mboxLine         = regexp.MustCompile(`^>?From [^:]`)
	blankBeforeColon = regexp.MustCompile(`(?m)^([A-Za-z][A-Za-z-]*)[ \t]+:`)
)

// readBroken looks for the fields of a report in texts.
func (r *reader) readBroken() {
	for _, text := range r.texts {
		at := reportField.FindStringIndex(text)
		if at == nil || !statusField.MatchString(text[at[0]:]) {
			continue
		}
		r.status = true
		r.readStatus([]byte(text[at[0]:]))
	}
}

var (
	reportField = regexp.MustCompile(`(?mi)^(Reporting-MTA|Final-Recipient|Original-Recipient):`)
	statusField = regexp.MustCompile(`(?mi)^(Action|Status):`)
)

// readPlain reads a text that a mail server wrote for people. Texts of others are not read,
// also those of a machine that answers for a person.
func (r *reader) readPlain(header message.Header) {
	failed := address.FindAllString(header.Get("X-Failed-Recipients"), maxParts)
	if len(failed) == 0 && !fromServer(header) {
		return
	}
	for _, text := range r.texts {
		text, _, _ = cutAny(text, returnedCopy) // the mail itself may hold anything
		recipients := plainRecipients(text, failed)
		if len(recipients) == 0 {
			continue
		}
		r.status = true
		r.Recipients = append(r.Recipients, recipients...)
		return
	}
}

// fromServer reports whether a mail server wrote a text: by the names that servers use, or,
// if the sender has no person's name, by an empty envelope sender (RFC 5321 §4.5.5) and the
// subject. A person's vacation notice has an empty envelope sender too, hence the name.
func fromServer(header message.Header) bool {
	from := strings.ToLower(header.Get("From"))
	for _, name := range []string{"mailer-daemon", "mailerdaemon", "mail-daemon", "postmaster", "mail delivery s"} {
		if strings.Contains(from, name) {
			return true
		}
	}
	return strings.TrimSpace(header.Get("Return-Path")) == "<>" && machineName.MatchString(from) && failureSubject.MatchString(header.Get("Subject"))
}

var (
	machineName    = regexp.MustCompile(`no-?_?reply|mail system|bounce|administrator|mailer`)
	failureSubject = regexp.MustCompile(`(?i)undeliver|delivery (status|fail|notification)|failure notice|returned mail|mail delivery|unzustellbar`)
)

// plainRecipients are the addresses in a text, each with the words after it. There are none
// when nothing in the text is a failure or a delay.
func plainRecipients(text string, failed []string) []Recipient {
	action := Failed
	if !failing.MatchString(text) && delaying.MatchString(text) {
		action = Delayed
	} else if !failing.MatchString(text) {
		return nil
	}
	if len(failed) == 0 {
		for _, found := range addressLine.FindAllStringSubmatch(text, maxParts) {
			failed = append(failed, found[1])
		}
	}
	if len(failed) == 0 {
		if found := address.FindString(text); found != "" {
			failed = []string{found}
		}
	}
	var all []Recipient
	for _, to := range failed {
		reason := wordsAfter(text, to)
		all = append(all, Recipient{Address: to, Action: action, Reason: reason, Enhanced: enhanced(reason), Code: codeOf(reason)})
	}
	return all
}

// wordsAfter are the server's words about an address: the quoted answer after it, or else
// the text that follows.
func wordsAfter(text, to string) string {
	_, after, found := strings.Cut(text, to)
	if !found {
		after = text
	}
	if next := addressLine.FindStringIndex(after); next != nil && next[0] > 0 {
		after = after[:next[0]]
	}
	if at := quotedAnswer.FindStringSubmatchIndex(after); at != nil {
		return oneParagraph(after[at[2]:])
	}
	return oneParagraph(strings.TrimLeft(after, "<>:;, \t\r\n"))
}

// oneParagraph is a text up to its first empty line, on one line.
func oneParagraph(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text, _, _ = strings.Cut(text, "\n\n")
	return strings.Join(strings.Fields(text), " ")
}

func cutAny(text string, at *regexp.Regexp) (before, after string, found bool) {
	if where := at.FindStringIndex(text); where != nil {
		return text[:where[0]], text[where[1]:], true
	}
	return text, "", false
}

var (
	address     = regexp.MustCompile(`[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	addressLine = regexp.MustCompile(`(?m)^[ \t]*<?([A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)>?:?[ \t]*\r?$`)

	// quotedAnswer is an answer of SMTP in a text: 550 5.1.1 …, or 550-….
	quotedAnswer = regexp.MustCompile(`(?:^|[^0-9.\w])([45]\d\d[ -](?:[#(]?[45]\.\d{1,3}\.\d{1,3}|[A-Za-z<#"']))`)

	// returnedCopy begins the mail that came back.
	returnedCopy = regexp.MustCompile(`(?mi)^-+ ?(Below this line is a copy of the message|This is a copy of (the|your) message|` +
		`Original message|The header of the original message|Undelivered message follows|Unsent message (follows|below))`)

	failing = regexp.MustCompile(`(?im)unzustellbar|nicht zugestellt|pas pu être (remis|distribué|livré)|no se (ha podido|pudo) entregar|^[ \t]*5\d\d[ -][a-z]|(could not|couldn't|cannot|can't|was not|wasn't|not) be delivered|undeliver(ed|able)|delivery (has |to .{0,80} )?(failed|failure)|` +
		`permanent(ly)? (error|failure|fatal)|failed permanently|returned to sender|giving up|unable to deliver|was not delivered|not able to deliver|wasn't able to deliver|` +
		`(?:^|[^0-9.\w])5\d\d[ -]#?5\.\d`)
	delaying = regexp.MustCompile(`(?i)delay(ed)?\b|not yet been delivered|still being (re)?tried|will be (re)?tried|will (keep|continue) (on )?trying|warning message only`)
)
