package letter

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"
	"time"
)

func (b *brand) render(l *Letter) (Mail, error) {
	p, err := b.in(l.Locale).write(l)
	if err != nil {
		return Mail{}, err
	}
	raw, err := b.message(&p, l)
	if err != nil {
		return Mail{}, err
	}
	return Mail{From: b.sender.Address, To: l.To, MessageID: b.messageID(l.CauseID), Locale: p.Lang, Bytes: raw}, nil
}

// message writes a page as a MIME message, with the pictures that it shows.
func (b *brand) message(p *page, l *Letter) ([]byte, error) {
	subject, err := p.Subject()
	if err != nil {
		return nil, err
	}
	body, err := p.bodies()
	if err != nil {
		return nil, err
	}
	var pictures []*picture
	for _, p := range []*picture{b.logo, b.qr} {
		if p != nil && bytes.Contains(body.html, []byte("cid:"+p.id)) {
			pictures = append(pictures, p)
		}
	}
	var raw bytes.Buffer
	raw.Grow(32 << 10)
	b.writeHeader(&raw, p, l, subject)
	made, err := parts(l.CauseID, body, pictures, b.domain)
	if err != nil {
		return nil, fmt.Errorf("build the mail: %w", err)
	}
	raw.Write(made)
	return raw.Bytes(), nil
}

// writeHeader writes the header and the empty line after it, the fields in the order that readers of raw mail are used to.
func (b *brand) writeHeader(raw *bytes.Buffer, p *page, l *Letter, subject string) {
	for _, field := range []struct{ name, value string }{
		{"Date", l.Date.UTC().Format(time.RFC1123Z)},
		{"From", header(b.sender)},
		{"To", header(mail.Address{Name: l.Name, Address: l.To})},
		{"Reply-To", header(b.answers(l.Tenant))},
		{"Subject", encoded(subject)},
		{"Message-Id", b.messageID(l.CauseID)},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no vacation notices, please
		// The same for Exchange (MS-OXCMAIL 2.1.3.2.20). Not All, which would suppress bounces too.
		{"X-Auto-Response-Suppress", "OOF, AutoReply"},
		{"Content-Language", p.Lang},
		{"Mime-Version", "1.0"},
		{"Content-Type", "multipart/alternative; boundary=" + boundary("alternative", l.CauseID)},
	} {
		raw.WriteString(field.name + ":" + folded(field.name, field.value) + "\r\n")
	}
	raw.WriteString("\r\n")
}

// answers is where a tenant's users write to.
func (b *brand) answers(tenant string) mail.Address {
	if b.replyTo.Address == "" {
		return b.sender
	}
	return mail.Address{
		Name:    strings.ReplaceAll(b.replyTo.Name, tenantMark, tenant),
		Address: strings.ReplaceAll(b.replyTo.Address, tenantMark, tenant),
	}
}
