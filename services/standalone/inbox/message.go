package inbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // mails in other character sets than UTF-8
	"github.com/emersion/go-message/mail"
)

// Bounds of what is shown of one mail; the raw mail is always whole.
const (
	maxParts = 100
	maxText  = 1 << 20
)

// Header is what a mail says about itself.
type Header struct {
	Sender    Address // From:, "From" being the envelope's
	Recipient []Address
	Copy      []Address
	ReplyTo   []Address
	Subject   string
	MessageID string // without angle brackets
	Date      time.Time
}

// Address is a name, which may be empty, and an address.
type Address struct{ Name, Address string }

// String is the address as a person reads it.
func (a Address) String() string {
	if a.Name == "" {
		return a.Address
	}
	return a.Name + " <" + a.Address + ">"
}

// Body is what a mail contains.
type Body struct {
	Text, HTML  string
	Attachments []string // their names

	pictures []string // of the HTML, in pairs: cid:…, and the same as a data URL
}

// page is the HTML with its pictures in it.
func (b *Body) page() string { return strings.NewReplacer(b.pictures...).Replace(b.HTML) }

// parseHeader reads what it can; a mail may be anything.
func parseHeader(raw []byte) Header {
	entity, err := message.Read(bytes.NewReader(raw))
	if entity == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return Header{}
	}
	h := mail.Header{Header: entity.Header}
	list := func(key string) []Address {
		parsed, _ := h.AddressList(key)
		var addresses []Address
		for _, a := range parsed {
			addresses = append(addresses, Address{a.Name, a.Address})
		}
		return addresses
	}
	header := Header{Recipient: list("To"), Copy: list("Cc"), ReplyTo: list("Reply-To")}
	if from := list("From"); len(from) > 0 {
		header.Sender = from[0]
	}
	header.Subject, _ = h.Subject()
	header.MessageID, _ = h.MessageID()
	header.Date, _ = h.Date()
	return header
}

// parseBody finds the first text, the first HTML and the names of the rest. What
// cannot be read as MIME is shown as the text it is.
func parseBody(raw []byte) Body {
	reader, err := mail.CreateReader(bytes.NewReader(raw))
	if reader == nil || err != nil && !message.IsUnknownCharset(err) {
		return Body{Text: string(raw)}
	}
	defer reader.Close()
	var body Body
	for range maxParts {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if part == nil || err != nil && !message.IsUnknownCharset(err) {
			break
		}
		body.add(part)
	}
	return body
}

func (b *Body) add(part *mail.Part) {
	switch header := part.Header.(type) {
	case *mail.InlineHeader:
		kind, _, _ := header.ContentType()
		content, _ := io.ReadAll(io.LimitReader(part.Body, maxText))
		text := strings.ToValidUTF8(string(content), "\uFFFD")
		switch {
		case kind == "text/html" && b.HTML == "":
			b.HTML = text
		case strings.HasPrefix(kind, "text/") && b.Text == "":
			b.Text = text
		case kind == "image/png" || kind == "image/jpeg" || kind == "image/gif":
			id := strings.Trim(header.Get("Content-Id"), "<>")
			if id == "" {
				break
			}
			b.pictures = append(b.pictures, "cid:"+id, "data:"+kind+";base64,"+base64.StdEncoding.EncodeToString(content))
		}
	case *mail.AttachmentHeader:
		name, _ := header.Filename()
		if name == "" {
			name = "(without a name)"
		}
		b.Attachments = append(b.Attachments, name)
	}
}

// snippet is the beginning of a text on one line.
func snippet(text string) string {
	const most = 160
	line := strings.Join(strings.Fields(text), " ")
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most]) + "…"
	}
	return line
}
