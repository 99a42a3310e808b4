// Package preview shows the mails of a directory of brands: every kind, in every
// language, of every tenant, as HTML, as plain text and as the bytes that are sent.
// [Write] puts them into a folder, [Handler] serves them.
package preview

import (
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	_ "embed"

	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// Sheet is one mail in all its forms.
type Sheet struct {
	letter.Reading

	Kind letter.Kind
	Sent bool // to the tenant's users
}

// Tenant is all mails of one brand.
type Tenant struct {
	Name   string
	Sheets []Sheet
}

// Path of a sheet, without the extension, which names the form.
func (t Tenant) Path(s Sheet) string { return t.Name + "/" + string(s.Kind) + "." + s.Locale }

// samples are the letters of all sheets of a tenant, to a fictional person.
func samples(b *letter.Brands, tenant string) []letter.Letter {
	var all []letter.Letter
	for _, sample := range letter.Samples() {
		for _, locale := range b.Locales(tenant) {
			if sample.DeviceLimit > 1 {
				sample.Tenant, sample.Locale = tenant, locale
				all = append(all, sample)
			}
		}
	}
	return all
}

func sheet(b *letter.Brands, sample letter.Letter) (Sheet, error) {
	reading, err := b.Read(sample)
	if err != nil {
		return Sheet{}, fmt.Errorf("%s of %s in %s: %w", sample.Kind, sample.Tenant, sample.Locale, err)
	}
	return Sheet{reading, sample.Kind, b.Sends(sample.Tenant, sample.Kind)}, nil
}

// Tenants renders all mails. The tenant named default stands for all without a brand.
func Tenants(b *letter.Brands) ([]Tenant, error) {
	var all []Tenant
	for _, name := range append([]string{letter.DefaultTenant}, b.Tenants()...) {
		t := Tenant{Name: name}
		for _, sample := range samples(b, name) {
			s, err := sheet(b, sample)
			if err != nil {
				return nil, err
			}
			t.Sheets = append(t.Sheets, s)
		}
		all = append(all, t)
	}
	return all, nil
}

// forms of a sheet, by the extensions of their files.
func (s Sheet) forms() map[string][]byte {
	return map[string][]byte{".html": []byte(s.HTML), ".txt": []byte(s.Text), ".eml": s.Bytes}
}

//go:embed index.html
var indexPage string

// index is a page with links to all sheets.
func index(all []Tenant) ([]byte, error) {
	t, err := template.New(indexName).Parse(indexPage)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	err = t.Execute(&b, all)
	return []byte(b.String()), err
}

// files are all previews, by path.
func files(b *letter.Brands) (map[string][]byte, error) {
	all, err := Tenants(b)
	if err != nil {
		return nil, err
	}
	page, err := index(all)
	if err != nil {
		return nil, err
	}
	found := map[string][]byte{indexName: page}
	for _, t := range all {
		for _, s := range t.Sheets {
			for extension, content := range s.forms() {
				found[t.Path(s)+extension] = content
			}
		}
	}
	return found, nil
}

const indexName = "index.html"

// file renders one of them alone; nil: there is none.
func file(b *letter.Brands, name string) ([]byte, error) {
	if name == indexName {
		all, err := Tenants(b)
		if err != nil {
			return nil, err
		}
		return index(all)
	}
	tenant, _, _ := strings.Cut(name, "/")
	if tenant != letter.DefaultTenant && !slices.Contains(b.Tenants(), tenant) {
		return nil, nil
	}
	t := Tenant{Name: tenant}
	for _, sample := range samples(b, tenant) {
		s := Sheet{Kind: sample.Kind}
		s.Locale = sample.Locale
		if strings.TrimSuffix(name, path.Ext(name)) != t.Path(s) {
			continue
		}
		s, err := sheet(b, sample)
		return s.forms()[path.Ext(name)], err
	}
	return nil, nil
}

// Write writes all previews into a folder, which it makes if need be, and returns the
// names of the files.
func Write(b *letter.Brands, folder string) ([]string, error) {
	found, err := files(b)
	if err != nil {
		return nil, err
	}
	var written []string
	for name, content := range found {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // nothing in it is secret
			return nil, err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil { //nolint:gosec // nor here
			return nil, err
		}
		written = append(written, name)
	}
	slices.Sort(written)
	return written, nil
}
