package letter

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/mail"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/jordan-wright/email"

	"github.com/mycloudpbx/softphone/events"
)

// Kind is which mail: the value of an outcome's field kind.
type Kind string

// The mails there are.
const (
	Welcome         Kind = events.KindWelcome
	PasswordChanged Kind = events.KindPasswordChanged

	DeviceLimitReached Kind = "device-limit-reached"
)

// subject of a mail; empty for a kind there is none of.
func (k Kind) subject() string {
	switch k {
	case Welcome:
		return "Your softphone is ready"
	case PasswordChanged:
		return "The password of your softphone was changed"
	default:
		return ""
	}
}

// Links are where the app is found.
type Links struct{ Mac, IPhone, Windows, Android string }

// letterhead is what all mails of a tenant have in common.
type letterhead struct {
	From    mail.Address
	ReplyTo mail.Address // the zero value: From
	Domain  string       // right-hand side of Message-Id
	Links   Links
}

// Letter is what is particular to one mail. There is no field for a password,
// and no template that could show one.
type Letter struct {
	Kind        Kind
	Tenant      string
	To          string // bare address
	Name        string // of the person; may be empty
	Username    string
	Locale      string // BCP 47; may be empty
	DeviceLimit int
	Devices     []Device  // who holds the seats; of DeviceLimitReached alone
	CauseID     string    // of the event that asks for the mail: the left-hand side of Message-Id
	Date        time.Time // of that event
}

// Device is one that holds a seat.
type Device struct{ Name, Platform string }

//go:embed templates
var templates embed.FS

func (h letterhead) messageID(causeID string) string {
	return "<" + causeID + "@" + h.Domain + ">"
}

func (h letterhead) render(l Letter) ([]byte, error) {
	if err := h.check(l); err != nil {
		return nil, err
	}
	text, html, err := h.bodies(l)
	if err != nil {
		return nil, err
	}
	m := email.NewEmail()
	m.From = header(h.From)
	m.To = []string{header(mail.Address{Name: l.Name, Address: l.To})}
	m.ReplyTo = []string{header(h.replyTo())}
	m.Subject = l.Kind.subject()
	m.Headers.Set("Date", l.Date.UTC().Format(time.RFC1123Z))
	m.Headers.Set("Message-Id", h.messageID(l.CauseID))
	m.Headers.Set("Auto-Submitted", "auto-generated") // RFC 3834: no vacation notices, please
	m.Text, m.HTML = text, html
	raw, err := m.Bytes()
	if err != nil {
		return nil, fmt.Errorf("build the mail: %w", err)
	}
	return settle(raw, l.CauseID)
}

func (h letterhead) replyTo() mail.Address {
	if h.ReplyTo.Address == "" {
		return h.From
	}
	return h.ReplyTo
}

// bodies renders the text and the HTML of a letter.
func (h letterhead) bodies(l Letter) (text, html []byte, err error) {
	data := struct {
		Letter
		Links Links
	}{l, h.Links}
	var out [2]bytes.Buffer
	plain, err := texttemplate.ParseFS(templates, "templates/"+string(l.Kind)+".txt")
	if err != nil {
		return nil, nil, err
	}
	if err := plain.Execute(&out[0], data); err != nil {
		return nil, nil, err
	}
	marked, err := htmltemplate.ParseFS(templates, "templates/"+string(l.Kind)+".html")
	if err != nil {
		return nil, nil, err
	}
	if err := marked.Execute(&out[1], data); err != nil {
		return nil, nil, err
	}
	return out[0].Bytes(), out[1].Bytes(), nil
}

// check looks at every field before anything is built, as the MIME builder
// looks at none.
func (h letterhead) check(l Letter) error {
	if l.Kind.subject() == "" {
		return fmt.Errorf("kind: %q is unknown", l.Kind)
	}
	errs := []error{h.validate()}
	for _, field := range []struct{ name, value string }{
		{"display name", l.Name},
		{"username", l.Username},
		{"cause id", l.CauseID},
	} {
		errs = append(errs, checkField(field.name, field.value))
	}
	if l.CauseID == "" || strings.ContainsAny(l.CauseID, "<>@ ") {
		errs = append(errs, fmt.Errorf("cause id: %q cannot be part of a Message-Id", l.CauseID))
	}
	return errors.Join(append(errs, prefix("to", checkAddress(l.To)))...)
}

// validate checks what is the same for all letters, so that a bad setting is
// told at the start and not with every mail.
func (h letterhead) validate() error {
	errs := []error{
		prefix("MAIL_FROM", checkAddress(h.From.Address)), checkField("MAIL_FROM", h.From.Name),
		prefix("MAIL_REPLY_TO", checkAddress(h.replyTo().Address)), checkField("MAIL_REPLY_TO", h.replyTo().Name),
	}
	if !domainName.MatchString(h.Domain) {
		errs = append(errs, fmt.Errorf("MAIL_DOMAIN: %q is not a domain name such as mail.example.com", h.Domain))
	}
	for _, link := range []struct{ name, value string }{
		{"DOWNLOAD_URL_MAC", h.Links.Mac}, {"DOWNLOAD_URL_IPHONE", h.Links.IPhone},
		{"DOWNLOAD_URL_WINDOWS", h.Links.Windows}, {"DOWNLOAD_URL_ANDROID", h.Links.Android},
	} {
		errs = append(errs, checkLink(link.name, link.value))
	}
	return errors.Join(errs...)
}

// header writes an address for a header field: the name encoded (RFC 2047)
// and without commas, at which the MIME builder would cut it.
func header(a mail.Address) string {
	a.Name = strings.Join(strings.Fields(strings.ReplaceAll(a.Name, ",", " ")), " ")
	return a.String()
}
