package letter

import htmltemplate "html/template"

// page is what the templates of a mail see: its exported fields, and its methods. The
// methods that return words return markup for HTML, and text for plain text.
type page struct {
	// The same for all mails of a brand in one language.
	Lang, Dir        string // BCP 47; ltr or rtl
	Brand            string
	Page             string // the download page
	Links            []link
	SupportEmail     string // may be empty
	SupportPhone     string // may be empty
	SupportPhoneLink htmltemplate.URL
	Logo, QR         *shown // Logo may be nil

	Username    string
	DeviceLimit int
	Devices     []deviceLine
	More        bool // there are more devices than Devices

	words       *words
	templates   map[Kind]func() (*bodyTemplates, error)
	kind        Kind
	particulars particulars
	markup      bool
}

type link struct{ Platform, URL string }

// shown is a picture in a page.
type shown struct {
	Source        htmltemplate.URL
	Width, Height int
}

func (p *picture) shown(domain string) *shown {
	if p == nil {
		return nil
	}
	return &shown{htmltemplate.URL("cid:" + p.id + "@" + domain), p.width, p.height} //nolint:gosec // a hash and a checked domain
}

// newPage makes the base page of a brand's mails in one language, before anything particular is on it.
func newPage(s settings, w *words, qr *picture, domain string) (page, error) {
	p := page{
		Lang: w.tag.String(), Dir: "ltr", Brand: s.name, Page: s.page, Logo: s.logo.shown(domain), QR: qr.shown(domain),
		SupportEmail: s.email, SupportPhone: s.phone, SupportPhoneLink: htmltemplate.URL(dialed(s.phone)), //nolint:gosec // digits
		words: w,
	}
	if w.rightToLeft() {
		p.Dir = "rtl"
	}
	for _, l := range []struct{ platform, url string }{
		{"mac", s.links.Mac}, {"iphone", s.links.IPhone}, {"windows", s.links.Windows}, {"android", s.links.Android},
	} {
		name, err := w.plain("platform."+l.platform, &particulars{})
		if err != nil {
			return page{}, err
		}
		p.Links = append(p.Links, link{name, l.url})
	}
	return p, nil
}

// write returns the page with what is particular to a letter.
func (p page) write(l *Letter) (page, error) {
	p.kind, p.Username, p.DeviceLimit, p.More = l.Kind, l.Username, l.DeviceLimit, len(l.Devices) < l.DeviceLimit
	p.particulars = particulars{name: l.Name, username: l.Username, brand: p.Brand, limit: l.DeviceLimit}
	for _, d := range l.Devices {
		line, err := p.device(d)
		if err != nil {
			return page{}, err
		}
		p.Devices = append(p.Devices, line)
	}
	return p, nil
}

// deviceLine is a device as people name it. One field may be empty, not both.
type deviceLine struct{ Name, Platform string }

func (p *page) device(d Device) (line deviceLine, err error) {
	switch line.Name = d.Name; d.Platform {
	case "mac", "iphone", "windows", "android":
		line.Platform, err = p.words.plain("platform."+d.Platform, &particulars{})
	default:
		if d.Name == "" {
			line.Platform, err = p.words.plain("platform.other", &particulars{})
		}
	}
	return line, err
}

// Say is a phrase, by its key.
func (p *page) Say(key string) (any, error) {
	if !p.markup {
		return p.words.plain(key, &p.particulars)
	}
	html, err := p.words.html(key, &p.particulars)
	return htmltemplate.HTML(html), err //nolint:gosec // words escapes what it is given
}

// Subject is a phrase of the kind of mail, without markup.
func (p *page) Subject() (string, error) {
	return p.words.plain(string(p.kind)+".subject", &p.particulars)
}

// Title is the heading of the kind of mail.
func (p *page) Title() (any, error) { return p.Say(string(p.kind) + ".title") }

// Preheader is what lists of mails show beside the subject.
func (p *page) Preheader() (any, error) { return p.Say(string(p.kind) + ".preheader") }

// Greeting names the person, if the name is known.
func (p *page) Greeting() (any, error) {
	if p.particulars.name == "" {
		return p.Say("mail.greeting-nobody")
	}
	return p.Say("mail.greeting")
}
