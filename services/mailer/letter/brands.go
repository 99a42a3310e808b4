package letter

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
)

// Config is what mails say of who sends them, and their links.
type Config struct {
	From    string `env:"MAIL_FROM" envDefault:"Softphone <softphone@softphone.example>"`
	ReplyTo string `env:"MAIL_REPLY_TO"` // "": From; {tenant} in it is the tenant's name
	Domain  string `env:"MAIL_DOMAIN"`   // of Message-Id; "": From's

	Mac     string `env:"DOWNLOAD_URL_MAC" envDefault:"https://softphone.example/download/mac"`
	IPhone  string `env:"DOWNLOAD_URL_IPHONE" envDefault:"https://softphone.example/download/iphone"`
	Windows string `env:"DOWNLOAD_URL_WINDOWS" envDefault:"https://softphone.example/download/windows"`
	Android string `env:"DOWNLOAD_URL_ANDROID" envDefault:"https://softphone.example/download/android"`
}

// Validate checks what the types cannot.
func (c Config) Validate() error {
	_, err := c.letterhead()
	return err
}

// Brands are the letterheads of all tenants.
type Brands struct{ letterhead letterhead }

// Open reads them.
func Open(c Config) (*Brands, error) {
	h, err := c.letterhead()
	if err != nil {
		return nil, err
	}
	return &Brands{h}, nil
}

// Mail is a letter ready to be sent.
type Mail struct {
	From, To  string // bare addresses, of the envelope
	MessageID string
	Bytes     []byte
}

// Render builds the mail. It is a pure function: the same letter gives the same
// bytes, now, in a retry tomorrow and on another replica. It returns an error
// when a field cannot be part of a mail: see [checkField].
func (b *Brands) Render(l Letter) (Mail, error) {
	h := b.letterhead.of(l.Tenant)
	raw, err := h.render(l)
	if err != nil {
		return Mail{}, err
	}
	return Mail{From: h.From.Address, To: l.To, MessageID: h.messageID(l.CauseID), Bytes: raw}, nil
}

// MessageID is the Message-Id of the mail an event causes. Whoever receives a
// mail twice recognizes it by that.
func (b *Brands) MessageID(tenant, causeID string) string {
	return b.letterhead.of(tenant).messageID(causeID)
}

// tenantMark in MAIL_REPLY_TO stands for the tenant's name.
const tenantMark = "{tenant}"

// letterhead of all mails. Its Reply-To may still hold the tenantMark.
func (c Config) letterhead() (letterhead, error) {
	var faults []error
	parse := func(variable, value string) mail.Address {
		address, err := mail.ParseAddress(value)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %q is not of the form Name <name@example.com>", variable, value))
			return mail.Address{}
		}
		return *address
	}
	h := letterhead{
		From: parse("MAIL_FROM", c.From), Domain: c.Domain,
		Links: Links{Mac: c.Mac, IPhone: c.IPhone, Windows: c.Windows, Android: c.Android},
	}
	if c.ReplyTo != "" {
		h.ReplyTo = parse("MAIL_REPLY_TO", c.ReplyTo)
	}
	if h.Domain == "" {
		_, h.Domain, _ = strings.Cut(h.From.Address, "@")
	}
	if len(faults) > 0 {
		return letterhead{}, errors.Join(faults...)
	}
	return h, h.of("tenant").validate()
}

// of is the letterhead of a tenant's mails.
func (h letterhead) of(tenant string) letterhead {
	h.ReplyTo.Name = strings.ReplaceAll(h.ReplyTo.Name, tenantMark, tenant)
	h.ReplyTo.Address = strings.ReplaceAll(h.ReplyTo.Address, tenantMark, tenant)
	return h
}
