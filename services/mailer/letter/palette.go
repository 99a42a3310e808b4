package letter

import (
	"regexp"
	"strings"
)

// palette are the colors of a brand's mails, for light and dark.
type palette struct{ Light, Dark shades }

// shades of one scheme. Text, Muted and Accent can be read on Page, Card and Box,
// Ink on Button.
type shades struct{ Page, Card, Box, Line, Text, Muted, Accent, Button, Ink color }

// colors makes a palette of a brand's one color: the button has it as it is, with
// text on it in black or white; links and lines have it made dark, or light, until
// they can be read.
func colors(brand color) palette {
	p := palette{
		Light: shades{Page: rgb(0xF2F4F7), Card: rgb(white), Box: rgb(0xF2F4F7), Line: rgb(0xD9DEE5), Text: rgb(0x1B222C), Muted: rgb(0x4E5968)},
		Dark:  shades{Page: rgb(0x101419), Card: rgb(0x1A2028), Box: rgb(0x262E38), Line: rgb(0x3A4450), Text: rgb(0xEEF1F5), Muted: rgb(0xB4BDC9)},
	}
	for _, s := range []*shades{&p.Light, &p.Dark} {
		s.Button, s.Ink = brand, ink(brand)
		s.Accent = legible(brand, s.Card, s.Page, s.Box)
	}
	return p
}

// variable is how a template names a color: var(--text), var(--dark-text). Mail
// programs know no variables, so they are filled in when a brand is read.
var variable = regexp.MustCompile(`var\(--([a-z-]*)\)`)

// variables are the colors a template can name.
func (p palette) variables() map[string]color {
	all := map[string]color{}
	for before, s := range map[string]shades{"": p.Light, "dark-": p.Dark} {
		for name, c := range map[string]color{
			"page": s.Page, "card": s.Card, "box": s.Box, "line": s.Line, "text": s.Text, "muted": s.Muted,
			"accent": s.Accent, "button": s.Button, "ink": s.Ink,
		} {
			all[before+name] = c
		}
	}
	return all
}

// colored fills colors into sources.
func (s sources) colored(p palette) (sources, error) {
	var faults Faults
	colors, colored := p.variables(), sources{}
	for name, from := range s {
		var filled strings.Builder
		done := 0
		for _, found := range variable.FindAllStringSubmatchIndex(from.text, -1) {
			c, is := colors[from.text[found[2]:found[3]]]
			if !is {
				faults = append(faults, &Fault{
					File: from.file, Line: 1 + strings.Count(from.text[:found[0]], "\n"),
					Problem: from.text[found[0]:found[1]] + ": is no color; there are " + list(colors),
				})
			}
			filled.WriteString(from.text[done:found[0]])
			filled.WriteString(c.String())
			done = found[1]
		}
		filled.WriteString(from.text[done:])
		colored[name] = source{from.file, filled.String()}
	}
	return colored, faults.err()
}
