package letter

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/jordan-wright/email"
	"golang.org/x/net/idna"
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
	m.From = header(b.sender)
	m.To = []string{header(mail.Address{Name: l.Name, Address: l.To})}
	m.ReplyTo = []string{header(b.answers(l.Tenant))}
	m.Subject = subject
	m.Headers.Set("Date", l.Date.UTC().Format(time.RFC1123Z))
	m.Headers.Set("Message-Id", b.messageID(l.CauseID))
	m.Headers.Set("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices, please
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
	return settle(raw, l.CauseID)
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

// header writes an address for a header field: the name encoded (RFC 2047)
// and without commas, at which the MIME builder would cut it; an international domain
// in its xn-- form, so that only an address whose local part is international too
// needs a header that is not ASCII.
func header(a mail.Address) string {
	local, domain, _ := strings.Cut(a.Address, "@")
	if name, err := idna.Lookup.ToASCII(domain); err == nil {
		a.Address = local + "@" + name
	}
	a.Name = strings.Join(strings.Fields(strings.ReplaceAll(a.Name, ",", " ")), " ")
	return a.String()
}
