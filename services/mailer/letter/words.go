package letter

import (
	"fmt"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/bidi"
)

// words are all texts of one language, by their keys: "welcome.title".
type words struct {
	tag     language.Tag
	phrases map[string]phrase
}

// phrase is a text with places for what is particular to a mail. It has a form
// for each plural category of its language that it distinguishes; other is
// always there.
type phrase map[plural.Form][]piece

// piece of a phrase: literal text, or a place.
type piece struct {
	plain, html string
	place       place
}

// place is what a phrase may name in braces.
type place string

const (
	noPlace       place = ""
	placeName     place = "name"     // of the person
	placeUsername place = "username" // with which the person signs in
	placeBrand    place = "brand"    // name of whoever sends the mail
	placeLimit    place = "limit"    // number of devices; it chooses the plural form too
)

func pluralForms() map[string]plural.Form {
	return map[string]plural.Form{
		"zero": plural.Zero, "one": plural.One, "two": plural.Two, "few": plural.Few, "many": plural.Many, "other": plural.Other,
	}
}

// particulars fill the places.
type particulars struct {
	name, username, brand string
	limit                 int
}

func (p *particulars) at(where place) string {
	switch where {
	case placeName:
		return p.name
	case placeUsername:
		return p.username
	case placeBrand:
		return p.brand
	default:
		return strconv.Itoa(p.limit)
	}
}

// form is the phrase for a number of devices.
func (w *words) form(key string, limit int) ([]piece, error) {
	phrase, is := w.phrases[key]
	if !is {
		return nil, fmt.Errorf("there are no words %q; there are %s", key, list(w.phrases))
	}
	if len(phrase) > 1 {
		if pieces, is := phrase[plural.Cardinal.MatchPlural(w.tag, limit, 0, 0, 0, 0)]; is {
			return pieces, nil
		}
	}
	return phrase[plural.Other], nil
}

// html is a phrase as markup. What fills a place is isolated from the text around it,
// because it may run in the other direction.
func (w *words) html(key string, p *particulars) (string, error) {
	pieces, err := w.form(key, p.limit)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, piece := range pieces {
		switch piece.place {
		case noPlace:
			b.WriteString(piece.html)
		case placeLimit:
			b.WriteString(p.at(piece.place))
		default:
			b.WriteString("<bdi>")
			b.WriteString(html.EscapeString(p.at(piece.place)))
			b.WriteString("</bdi>")
		}
	}
	return b.String(), nil
}

// plain is a phrase as text. What runs in the other direction is put between the invisible
// characters that isolate it (UAX #9, FSI and PDI).
func (w *words) plain(key string, p *particulars) (string, error) {
	pieces, err := w.form(key, p.limit)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, piece := range pieces {
		value := piece.plain
		if piece.place != noPlace {
			value = p.at(piece.place)
			if piece.place != placeLimit && runs(value, !w.rightToLeft()) {
				value = "\u2068" + value + "\u2069"
			}
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// runs reports whether any letter of a text runs in a direction.
func runs(text string, rightToLeft bool) bool {
	for _, r := range text {
		if r < 'A' {
			continue
		}
		switch properties, _ := bidi.LookupRune(r); properties.Class() {
		case bidi.R, bidi.AL:
			if rightToLeft {
				return true
			}
		case bidi.L:
			if !rightToLeft {
				return true
			}
		default:
		}
	}
	return false
}

// rightToLeft reports the direction of the language's script.
func (w *words) rightToLeft() bool {
	script, _ := w.tag.Script()
	switch script.String() {
	case "Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi":
		return true
	default:
		return false
	}
}

// phrases reads a file of words: sections of phrases.
func (d document) phrases(content []byte, known []string) map[string]phrase {
	found := map[string]phrase{}
	sections := map[string]keys{}
	for _, key := range known {
		section, name, _ := strings.Cut(key, ".")
		if sections[section] == nil {
			sections[section] = keys{}
		}
		sections[section][name] = func(n ast.Node) {
			if p := d.phrase(n); p != nil {
				found[key] = p
			}
		}
	}
	top := keys{}
	for section, names := range sections {
		top[section] = func(n ast.Node) { d.mapping(n, names) }
	}
	d.read(content, top)
	return found
}

// phrase reads a text, or a mapping of plural categories to texts.
func (d document) phrase(n ast.Node) phrase {
	p := phrase{}
	form := func(f plural.Form) func(ast.Node) {
		return func(n ast.Node) {
			if text, ok := d.text(n); ok {
				p[f] = d.pieces(n, text)
			}
		}
	}
	if _, several := n.(ast.MapNode); !several {
		form(plural.Other)(n)
		return p
	}
	forms := keys{}
	for name, f := range pluralForms() {
		forms[name] = form(f)
	}
	d.mapping(n, forms)
	if p[plural.Other] == nil {
		d.fault(n, "lacks the form other")
	}
	return p
}

// pieces cuts a text at its places.
func (d document) pieces(n ast.Node, text string) []piece {
	var pieces []piece
	plain := func(s string) {
		if s != "" {
			pieces = append(pieces, piece{plain: s, html: html.EscapeString(s)})
		}
	}
	for {
		before, rest, opened := strings.Cut(text, "{")
		plain(before)
		if !opened {
			return pieces
		}
		name, after, closed := strings.Cut(rest, "}")
		switch p := place(name); p {
		case placeName, placeUsername, placeBrand, placeLimit:
			pieces = append(pieces, piece{place: p})
		default:
			d.fault(n, "{%s}: is not something to fill in; there are {name}, {username}, {brand} and {limit}", name)
		}
		if !closed {
			return pieces
		}
		text = after
	}
}

// over returns words with some phrases replaced, or new words of a language.
func (w *words) over(tag language.Tag, phrases map[string]phrase) *words {
	merged := map[string]phrase{}
	if w != nil {
		maps.Copy(merged, w.phrases)
	}
	maps.Copy(merged, phrases)
	return &words{tag, merged}
}

// lacking are the keys without a phrase.
func (w *words) lacking() []string {
	return slices.DeleteFunc(wordKeys(), func(key string) bool { _, is := w.phrases[key]; return is })
}

// wordKeys are the keys of all phrases.
func wordKeys() []string {
	var keys []string
	for section, names := range map[string]string{
		"mail":     "greeting greeting-nobody username no-password help help-email help-phone why",
		"apps":     "button straight again qr qr-alt",
		"platform": "mac iphone windows android other",

		string(Welcome):            "subject preheader title intro get get-text sign-in sign-in-text",
		string(PasswordChanged):    "subject preheader title intro not-you not-you-text",
		string(DeviceLimitReached): "subject preheader title intro next next-text not-you not-you-text often",
		string(EmailChanged):       "subject preheader title intro not-you not-you-text",
	} {
		for name := range strings.FieldsSeq(names) {
			keys = append(keys, section+"."+name)
		}
	}
	slices.Sort(keys)
	return keys
}
