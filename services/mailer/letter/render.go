package letter

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/jordan-wright/email"
)

func (b *brand) render(l *Letter) (Mail, error) {
	p, err := b.in(l.Locale).write(l)
	if err != nil {
		return Mail{}, err
	}
	raw, err := b.envelop(&p, l)
	if err != nil {
		return Mail{}, err
	}
	return Mail{From: b.sender.Address, To: l.To, MessageID: b.messageID(l.CauseID), Locale: p.Lang, Bytes: raw}, nil
}

// envelop writes a page, and puts it and its pictures into a MIME message:
//
//	multipart/alternative
//	  text/plain
//	  multipart/related
//	    text/html
//	    image/png …
func (b *brand) envelop(p *page, l *Letter) ([]byte, error) {
	subject, err := p.Subject()
	if err != nil {
		return nil, err
	}
	mold, err := p.molds[p.kind]()
	if err != nil {
		return nil, err
	}
	body, err := mold.bodies(p)
	if err != nil {
		return nil, located(err)
	}
	m := email.NewEmail()
	m.From = bare(b.sender)
	m.To = []string{bare(mail.Address{Address: l.To})}
	m.ReplyTo = []string{bare(b.answers(l.Tenant))}
	m.Subject = "-"
	m.Headers.Set("Date", l.Date.UTC().Format(time.RFC1123Z))
	m.Headers.Set("Message-Id", b.messageID(l.CauseID))
	m.Headers.Set("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices, please
	// The same for Exchange (MS-OXCMAIL 2.1.3.2.20). Not All, which would suppress bounces too.
	m.Headers.Set("X-Auto-Response-Suppress", "OOF, AutoReply")
	m.Headers.Set("Content-Language", p.Lang)
	m.Text, m.HTML = body.text, body.html
	for _, p := range []*picture{b.logo, b.qr} {
		if p != nil && bytes.Contains(body.html, []byte("cid:"+p.id)) {
			m.Attachments = append(m.Attachments, p.attachment(b.domain))
		}
	}
	raw, err := m.Bytes()
	if err != nil {
		return nil, fmt.Errorf("build the mail: %w", err)
	}
	return settle(raw, l.CauseID, b.headers(l, subject))
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
