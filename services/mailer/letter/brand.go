package letter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// brand is how the mails of one tenant look and what they say.
type brand struct {
	settings
	sources sources // with its colors
	pages   []page  // base pages, one for each language, the tenant's own first
	matcher language.Matcher
	qr      *picture
	domain  string // right-hand side of Message-Id and Content-ID
}

// newBrand makes a brand of its settings. Its templates are parsed when they are first
// needed, because of a thousand tenants few have mails in all languages.
func newBrand(l layer, domain string) (b *brand, err error) {
	b = &brand{settings: l.settings, domain: domain}
	if b.domain == "" {
		_, b.domain, _ = strings.Cut(l.sender.Address, "@")
	}
	if b.qr, err = qrCode(l.page); err != nil {
		return nil, err
	}
	if b.sources, err = l.sources.colored(colors(l.color)); err != nil {
		return nil, err
	}
	languages, err := l.languages()
	if err != nil {
		return nil, err
	}
	b.matcher = language.NewMatcher(languages)
	for _, tag := range languages {
		p, err := newPage(l.settings, l.words[tag], b.qr, b.domain)
		if err != nil {
			return nil, err
		}
		p.templates = map[Kind]func() (*bodyTemplates, error){}
		for _, kind := range Kinds() {
			p.templates[kind] = sync.OnceValues(func() (*bodyTemplates, error) { return b.sources.parse(kind) })
		}
		b.pages = append(b.pages, p)
	}
	return b, nil
}

// languages are those with words, first the one for recipients who read none of them.
func (l layer) languages() ([]language.Tag, error) {
	all := slices.SortedFunc(maps.Keys(l.words), func(a, b language.Tag) int { return strings.Compare(a.String(), b.String()) })
	_, own, confidence := language.NewMatcher(all).Match(l.locale)
	if confidence == language.No {
		return nil, fmt.Errorf("locale: there are no words in %q; there are %v", l.locale, all)
	}
	first := all[own]
	return append([]language.Tag{first}, slices.Delete(all, own, own+1)...), nil
}

// try renders a mail of each kind in each language.
func (b *brand) try() error {
	var faults Faults
	for _, sample := range Samples() {
		for _, blank := range b.pages {
			p, err := blank.write(&sample)
			if err == nil {
				_, err = b.message(&p, &sample)
			}
			if err != nil {
				faults.add("", err)
			}
		}
	}
	return faults.err()
}

// in is the base page in the language a person reads, or in the tenant's own.
func (b *brand) in(locale string) *page {
	wanted, err := language.Parse(locale)
	if _, partly := errors.AsType[language.ValueError](err); err != nil && !partly { // partly: a region nobody knows, as in en-EN
		return &b.pages[0]
	}
	_, i, confidence := b.matcher.Match(wanted)
	if confidence == language.No { // then i is a language of the same script
		return &b.pages[0]
	}
	return &b.pages[i]
}

func (b *brand) messageID(causeID string) string { return "<" + causeID + "@" + b.domain + ">" }
