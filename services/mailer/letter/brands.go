package letter

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Brands are the brands of all tenants. They do not change, and are safe for concurrent
// use.
type Brands struct {
	fallback *brand // of tenants without one
	tenants  map[string]*brand
}

// Open reads and tries everything that mails are made of, so that faults are reported at
// the start and not with a mail. Those of a directory of brands are a [Faults].
func Open(c Config) (*Brands, error) {
	s, err := c.settings()
	if err != nil {
		return nil, err
	}
	base, err := builtinLayer(s)
	if err != nil {
		return nil, err
	}
	if c.Brands == "" {
		fallback, err := newBrand(base, c.Domain)
		return &Brands{fallback: fallback}, err
	}
	d, err := openDirectory(c.Brands)
	if err != nil {
		return nil, err
	}
	defer d.root.Close()
	b := d.open(base, c.Domain)
	return b, d.faults.err()
}

// open makes the brands of a directory.
func (d *directory) open(base layer, domain string) *Brands {
	b := &Brands{tenants: map[string]*brand{}}
	names := d.brands()
	if slices.Contains(names, defaultBrand) {
		base = d.brand(base, defaultBrand)
	}
	b.fallback = d.try(base, defaultBrand, domain)
	for _, name := range names {
		if name != defaultBrand {
			b.tenants[name] = d.try(d.brand(base, name), name, domain)
		}
	}
	return b
}

// try makes a brand, and mails of it if it has templates or words of its own.
func (d *directory) try(l layer, name, domain string) *brand {
	b, err := newBrand(l, domain)
	if err == nil && l.own {
		err = b.try()
	}
	var several Faults
	switch {
	case errors.As(err, &several):
		for _, fault := range several {
			d.faults = append(d.faults, d.blame(name, fault))
		}
	case err != nil:
		d.fault(name+".yaml", err.Error())
	}
	return b
}

// blame names the brand's folder when a fault shows up in a built-in template.
func (d *directory) blame(name string, fault *Fault) *Fault {
	if strings.HasPrefix(fault.File, d.name+"/") {
		return fault
	}
	return &Fault{File: d.shown(name + "/templates"), Problem: fault.Error()}
}

// of returns the brand of a tenant's mails.
func (b *Brands) of(tenant string) *brand {
	if own, is := b.tenants[tenant]; is {
		return own
	}
	return b.fallback
}

// Tenants are those with a brand of their own, in order.
func (b *Brands) Tenants() []string { return slices.Sorted(maps.Keys(b.tenants)) }

// Locales are the languages in which a tenant's mails are written, the tenant's
// own first.
func (b *Brands) Locales(tenant string) []string {
	var locales []string
	for _, p := range b.of(tenant).pages {
		locales = append(locales, p.Lang)
	}
	return locales
}

// Sends reports whether a tenant's users get a kind of mail.
func (b *Brands) Sends(tenant string, kind Kind) bool { return !b.of(tenant).off[kind] }

// Sender is the address that a tenant's mails come from; of "", that of tenants without
// a brand.
func (b *Brands) Sender(tenant string) string { return b.of(tenant).sender.Address }

// MessageID is the Message-Id of the mail that an event causes. A recipient recognizes by
// it a mail that was sent twice.
func (b *Brands) MessageID(tenant, causeID string) string { return b.of(tenant).messageID(causeID) }

// Render renders the mail. It is a pure function: the same letter gives the same
// bytes, now, in a retry tomorrow and on another replica that has the same brands.
// It returns an error when a field of the letter cannot be part of a mail.
func (b *Brands) Render(l Letter) (Mail, error) {
	if err := l.check(); err != nil {
		return Mail{}, err
	}
	l = l.sanitized()
	return b.of(l.Tenant).render(&l)
}
