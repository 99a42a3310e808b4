package letter

import (
	"encoding/base64"
	"slices"
	"strings"
)

// DefaultTenant stands for all tenants without a brand of their own.
const DefaultTenant = defaultBrand

// Reading is a mail as a mail program shows it.
type Reading struct {
	Mail

	Subject string
	Text    string
	HTML    string // with its pictures in it, as data URLs
}

// Read makes a mail, and shows it.
func (b *Brands) Read(l Letter) (Reading, error) {
	m, err := b.Render(l)
	if err != nil {
		return Reading{}, err
	}
	own := b.of(l.Tenant)
	l = l.sanitized()
	p, err := own.in(l.Locale).write(&l)
	if err != nil {
		return Reading{}, err
	}
	subject, err := p.Subject()
	if err != nil {
		return Reading{}, err
	}
	body, err := p.bodies()
	if err != nil {
		return Reading{}, err
	}
	return Reading{m, subject, string(body.text), own.inline(string(body.html))}, nil
}

// inline puts the pictures into a page that shows them.
func (b *brand) inline(html string) string {
	for _, p := range slices.DeleteFunc([]*picture{b.logo, b.qr}, func(p *picture) bool { return p == nil }) {
		data := "data:image/png;base64," + base64.StdEncoding.EncodeToString(p.png)
		html = strings.ReplaceAll(html, "cid:"+p.id+"@"+b.domain, data)
	}
	return html
}
