package mailer

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// Bounds of compatibility. The worst of our mails had 79.9 % and 3.6 % when they
// were written. What some programs do not show are dark mode, rounded corners and
// how long words are broken: without them the mails can be read as well.
const (
	leastSupported  = 79.
	mostUnsupported = 4.
)

// Another program reads every kind of mail in every language of three brands as it
// is meant, finds its links to lead somewhere, and its HTML to be what mail programs
// show.
func TestMailpitReadsTheMails(t *testing.T) {
	t.Parallel()
	w, p := newWorld(t, servertest.SMTPScript{}, 0), newMailpit(t)
	site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(site.Close)
	c := w.config()
	c.SMTP.URL = "smtp://" + p.smtp
	c.Bounces.Address = "bounces@softphone.example"
	c.Mail.Brands = allKinds(t)
	c.Mail.Page, c.Mail.Mac, c.Mail.IPhone = site.URL, site.URL+"/mac", site.URL+"/iphone"
	c.Mail.Windows, c.Mail.Android = site.URL+"/windows?arch=x64&lang=en", site.URL+"/android"
	brands, err := letter.Open(c.Mail)
	if err != nil {
		t.Fatal(err)
	}
	w.run(c)

	var causes []events.Recorded
	locales := map[string]string{} // by the id of the cause
	for _, tenant := range append(brands.Tenants(), "initech") {
		for i, locale := range brands.Locales(tenant) {
			granted := w.grantIn(events.Extension{Tenant: tenant, Number: fmt.Sprint(100 + i)}, locale)
			reset := w.fact(granted.Extension, events.SoftphonePasswordReset{})
			reached := w.reach(granted, "phone", time.Now().UTC().Truncate(time.Millisecond))
			for _, cause := range []events.Recorded{granted, reset, reached} {
				causes, locales[cause.ID] = append(causes, cause), locale
			}
		}
	}
	outcomes, mails := w.awaitOutcomes(causes...), p.mails()
	if len(mails) != len(causes) || len(causes) < 3*3*4 {
		t.Errorf("%d mails of %d causes", len(mails), len(causes))
	}
	worst, most := 100., 0.
	for _, cause := range causes {
		sent, is := outcomes[cause.ID].Data.(events.EmailSent)
		if !is {
			t.Fatalf("%+v", outcomes[cause.ID])
		}
		mail := mails[sent.MessageID]
		what := sent.Kind + " of " + cause.Extension.Tenant + " in " + locales[cause.ID]
		p.reads(what, mail, locales[cause.ID])
		supported, unsupported := p.compatibility(mail)
		worst, most = min(worst, supported), max(most, unsupported)
		if supported < leastSupported || unsupported > mostUnsupported {
			t.Errorf("%s: mail programs show %.1f %% as it is meant, and %.1f %% not at all", what, supported, unsupported)
		}
		if cause.Extension.Tenant == "initech" { // whose links are there
			p.follows(what, mail, site.URL)
		}
	}
	t.Logf("%d mails: %.1f %% or more as meant, %.1f %% or less not shown", len(mails), worst, most)
}

// reads fails the test unless Mailpit reads a mail as another parser does, and finds
// in it what there must be.
func (p *mailpit) reads(what string, m caught, locale string) {
	p.t.Helper()
	own := parse(p.t, p.get("message/"+m.ID+"/raw"))
	if own.parts["text/plain"] != m.Text || own.parts["text/html"] != m.HTML {
		p.t.Errorf("%s: read differently\n%s\n%s", what, m.Text, m.HTML)
	}
	if m.Subject == "" || m.From.Name == "" || m.From.Address == "" || m.ReturnPath != "bounces@softphone.example" ||
		len(m.To) != 1 || m.To[0].Name != "Doe, Änne" || m.To[0].Address != "user@example.com" {
		p.t.Errorf("%s: %q from %v, bounces to %s, to %v", what, m.Subject, m.From, m.ReturnPath, m.To)
	}
	for _, text := range []string{m.Text, m.HTML} {
		if !strings.Contains(text, "Änne") || strings.ContainsRune(text, '\uFFFD') {
			p.t.Errorf("%s: says\n%s", what, text)
		}
	}
	if !strings.Contains(m.HTML, `lang="`+locale+`"`) {
		p.t.Errorf("%s: is in another language\n%s", what, m.HTML)
	}
	p.shows(what, m)
}

// contentID is how the HTML of a mail names a picture.
var contentID = regexp.MustCompile(`src="cid:([^"]+)"`)

// shows fails the test unless all pictures of a mail are in it, and nothing else.
func (p *mailpit) shows(what string, m caught) {
	p.t.Helper()
	var shown, there []string
	for _, id := range contentID.FindAllStringSubmatch(m.HTML, -1) {
		shown = append(shown, id[1])
	}
	for _, picture := range m.Inline {
		there = append(there, picture.ContentID)
		if picture.ContentType != "image/png" || picture.Size == 0 {
			p.t.Errorf("%s: a picture is %+v", what, picture)
		}
	}
	slices.Sort(shown)
	slices.Sort(there)
	if !slices.Equal(shown, there) || len(m.Attachments) > 0 {
		p.t.Errorf("%s: shows the pictures %v and has %v; attached: %v", what, shown, there, m.Attachments)
	}
}

// follows fails the test unless the links of a mail lead to the site.
func (p *mailpit) follows(what string, m caught, site string) {
	p.t.Helper()
	links := p.links(m)
	for url, status := range links {
		if !strings.HasPrefix(url, site) || status != http.StatusOK {
			p.t.Errorf("%s: %s answers %d", what, url, status)
		}
	}
	if want := map[bool]int{true: 5}[strings.Contains(m.HTML, site)]; len(links) != want {
		p.t.Errorf("%s: the links are %v, want %d", what, slices.Sorted(maps.Keys(links)), want)
	}
}

// grantIn grants a license to somebody who reads a language.
func (w *world) grantIn(x events.Extension, locale string) events.Recorded {
	w.t.Helper()
	enabled := w.fact(x, events.SoftphoneEnabled{Email: "user@example.com", Username: "änne." + x.Number, DisplayName: "Doe, Änne", Locale: locale})
	return w.publish(events.NewOutcome(events.License, enabled.Event, events.LicenseGranted{
		LicenseID: enabled.ID, Generation: 1, DeviceLimit: 1, Email: "user@example.com", Username: "änne." + x.Number, DisplayName: "Doe, Änne", Locale: locale,
	}), &enabled)
}

// allKinds are the example brands, with every kind of mail turned on.
func allKinds(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("letter/testdata/brands")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "default.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "kinds: {device-limit-reached: true}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
