package bounce

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-message"
)

// What became of a mail at one recipient: the actions of RFC 3464, section 2.3.3,
// that say that it is not delivered.
const (
	Failed  = "failed"
	Delayed = "delayed"
)

// Notification is the content of a delivery status notification.
type Notification struct {
	// MessageIDs are candidates for the mail it is about, the likeliest first, with their
	// angle brackets.
	MessageIDs []string
	Recipients []Recipient // those the mail was not delivered to
}

// Recipient is one that the mail was not delivered to.
type Recipient struct {
	Address  string // where it was to go in the end, which a forwarding may have changed
	Action   string // Failed or Delayed
	Enhanced string // RFC 3463, such as 5.1.1; may be empty
	Code     int    // of the answer, such as 550; 0: unknown
	Reason   string // somebody's words; may be empty
}

// Of returns the entry of an address, or else the worst entry of all.
func (n Notification) Of(address string) (Recipient, bool) {
	for _, r := range n.Recipients {
		if strings.EqualFold(r.Address, address) {
			return r, true
		}
	}
	for _, action := range []string{Failed, Delayed} {
		for _, r := range n.Recipients {
			if r.Action == action {
				return r, true
			}
		}
	}
	return Recipient{}, false
}

// ErrNotNotification says that a mail is something else: an answer of a person or
// of a machine, or spam.
var ErrNotNotification = errors.New("not a delivery status notification")

// Bounds of what is read: anybody who can send a mail here chooses its form.
const (
	// MaxSize is the most bytes of a notification. It may hold the whole mail.
	MaxSize = 4 << 20

	maxDepth = 8  // of parts in one another
	maxParts = 64 // at all
	maxText  = 256 << 10
)

// Parse reads a notification. If it says that a mail was delivered or relayed, it has no
// recipients.
func Parse(raw []byte) (Notification, error) {
	if len(raw) > MaxSize {
		return Notification{}, fmt.Errorf("%w: it has more than %d bytes", ErrNotNotification, MaxSize)
	}
	raw = tidy(raw)
	entity, err := message.Read(bytes.NewReader(raw))
	if unreadable(err) { // whose text would repeat the mail
		return Notification{}, fmt.Errorf("%w: its header cannot be read", ErrNotNotification)
	}
	var r reader
	err = r.walk(entity, 0)
	if errors.Is(err, errShape) && !r.status {
		return Notification{}, fmt.Errorf("%w: %w", ErrNotNotification, err)
	}
	if err != nil && !r.status { // a boundary that never comes: what there is, is text
		r.texts = append(r.texts, string(raw[:min(len(raw), maxText)]))
	}
	if !r.status {
		r.readBroken()
	}
	if !r.status && !r.receipt {
		r.readPlain(entity.Header)
	}
	if !r.status {
		return Notification{}, fmt.Errorf("%w: no mail server says in it what became of a mail", ErrNotNotification)
	}
	r.mention(entity.Header.Get("In-Reply-To"))
	r.mention(entity.Header.Get("References"))
	for _, text := range r.texts {
		r.mention(text)
	}
	return r.Notification, nil
}

// reader collects from the parts of a mail.
type reader struct {
	Notification
	status  bool     // what became of the mail was said
	receipt bool     // a person's program says that it was read (RFC 8098)
	texts   []string // parts for people
	parts   int
}

var errShape = errors.New("it has too many parts")

// walk reads an entity and what is in it. The returned mail is not walked: only its
// header matters.
func (r *reader) walk(entity *message.Entity, depth int) error {
	if r.parts++; r.parts > maxParts || depth > maxDepth {
		return errShape
	}
	if parts := entity.MultipartReader(); parts != nil {
		for {
			part, err := parts.NextPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if unreadable(err) {
				return err
			}
			if err := r.walk(part, depth+1); err != nil {
				return err
			}
		}
	}
	kind, _, _ := entity.Header.ContentType()                   // of a broken one: as text
	body, _ := io.ReadAll(io.LimitReader(entity.Body, maxText)) // what there is of one that is broken or was cut short
	switch strings.ToLower(kind) {
	case "message/delivery-status", "message/global-delivery-status":
		r.status = true
		r.readStatus(body)
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		r.readReturned(body)
	case "message/disposition-notification":
		r.receipt = true
	default:
		r.texts = append(r.texts, string(body))
	}
	return nil
}

// unreadable reports whether nothing can be read after an error. Text in an unknown
// encoding is read as it stands.
func unreadable(err error) bool {
	return err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err)
}

// readReturned takes the Message-Id from the returned mail, or from its header.
func (r *reader) readReturned(body []byte) {
	if header := fields(bufio.NewReader(bytes.NewReader(body))); header != nil {
		r.mention(header.Get("Message-Id"))
	}
}

// readStatus reads the fields of the message, and of each recipient.
func (r *reader) readStatus(body []byte) {
	body = blankBeforeColon.ReplaceAll(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), []byte("$1:")) // it may have been encoded
	in := bufio.NewReader(bytes.NewReader(bytes.TrimLeft(body, "\r\n")))
	for range maxParts {
		group := fields(in)
		if group == nil {
			return
		}
		for _, name := range []string{"Original-Message-Id", "X-Original-Message-Id"} { // not in the RFC, but in use
			r.mention(group.Get(name))
		}
		if recipient, is := recipientOf(group); is {
			r.Recipients = append(r.Recipients, recipient)
		}
	}
}

// fields reads a group of fields; nil when there is none. It leaves out what cannot be
// read.
func fields(in *bufio.Reader) textproto.MIMEHeader {
	for { // groups may be more than one empty line apart
		next, err := in.Peek(1)
		if err != nil {
			return nil
		}
		if next[0] != '\r' && next[0] != '\n' {
			break
		}
		_, _ = in.Discard(1)
	}
	group, _ := textproto.NewReader(in).ReadMIMEHeader()
	return group
}

// recipientOf reads the fields of one recipient, of which only a failure or a delay
// counts.
func recipientOf(group textproto.MIMEHeader) (Recipient, bool) {
	r := Recipient{
		Address: typed(group.Get("Final-Recipient")), Action: actionOf(group.Get("Action")),
		Enhanced: enhanced(group.Get("Status")), Reason: typed(group.Get("Diagnostic-Code")),
	}
	if r.Address == "" {
		r.Address = typed(group.Get("Original-Recipient"))
	}
	if r.Code = codeOf(r.Reason); r.Code == 0 {
		if said := quotedAnswer.FindStringSubmatch(r.Reason); said != nil { // host mx.far.example said: 550 …
			r.Code = codeOf(said[1])
		}
	}
	// The status is the reporting server's own. The quoted answer of the receiver comes
	// first, because it is the original.
	if quoted := enhanced(r.Reason); quoted != "" && !strings.HasSuffix(quoted, ".0.0") || r.Enhanced == "" {
		r.Enhanced = quoted
	}
	if r.Action == "" && r.Enhanced != "" {
		r.Action = map[byte]string{'5': Failed, '4': Delayed}[r.Enhanced[0]]
	}
	return r, r.Action == Failed || r.Action == Delayed
}

var (
	// enhancedCode is at the beginning, after the code of an answer, or marked as one.
	// Elsewhere, numbers with dots are versions, or four of them an address.
	enhancedCode = regexp.MustCompile(`(?:^|\b[245]\d\d[ -]|[#(])([245]\.\d{1,3}\.\d{1,3})(?:[^.\d]|\.\D|\.?$)`)
	answerCode   = regexp.MustCompile(`^\s*([2-5]\d\d)\b`)
)

// enhanced is the first code in a text; empty when there is none.
func enhanced(text string) string {
	if found := enhancedCode.FindStringSubmatch(strings.TrimSpace(text)); found != nil {
		return found[1]
	}
	return ""
}

// typed is a value without its type: "rfc822; anna@example.com". A type is one word; a
// text with a semicolon further on has none.
func typed(value string) string {
	value = strings.TrimSpace(value)
	if at := fieldType.FindStringIndex(value); at != nil {
		value = value[at[1]:]
	}
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">") {
		return strings.Trim(value, "<>")
	}
	return value
}

var fieldType = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*\s*;`)

// actionOf reads the action. Some servers use other words for a failure.
func actionOf(value string) string {
	switch action := strings.ToLower(strings.TrimRight(first(value), ";.")); action {
	case "expired", "failure", "fail", "undeliverable":
		return Failed
	case "delay", "warning":
		return Delayed
	default:
		return action
	}
}

// codeOf is the code of an answer at the start of a text; 0: none.
func codeOf(text string) int {
	found := answerCode.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	code, _ := strconv.Atoi(found[1])
	return code
}

// first is a word without the comment some servers write after it.
func first(value string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	return word
}

// messageID matches one in a text. Ours have at least this length.
var messageID = regexp.MustCompile(`<[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{36,200}@[A-Za-z0-9.-]{1,253}>`)

// mention takes the message ids in a text, each once and up to a bound.
func (r *reader) mention(text string) {
	for _, id := range messageID.FindAllString(text, maxParts) {
		if len(r.MessageIDs) < maxParts && !slices.Contains(r.MessageIDs, id) {
			r.MessageIDs = append(r.MessageIDs, id)
		}
	}
}
