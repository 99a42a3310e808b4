package letter

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// color is sRGB.
type color struct{ r, g, b uint8 }

const (
	white = 0xFFFFFF
	black = 0x000000
)

func rgb(hex uint32) color { return color{uint8(hex >> 16), uint8(hex >> 8), uint8(hex)} }

func (c color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

var hexColor = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

var errColor = errors.New(`is not a color of the form "#1a5fb4", in quotes, for # begins a comment`)

func parseColor(text string) (color, error) {
	if !hexColor.MatchString(text) {
		return color{}, errColor
	}
	hex, err := strconv.ParseUint(text[1:], 16, 32)
	return rgb(uint32(hex)), err
}

// luminance is WCAG 2.2's relative luminance.
func (c color) luminance() float64 {
	linear := func(channel uint8) float64 {
		v := float64(channel) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

// contrast is WCAG 2.2's contrast ratio of two colors, 1 to 21.
func contrast(a, b color) float64 {
	bright, dim := a.luminance(), b.luminance()
	if bright < dim {
		bright, dim = dim, bright
	}
	return (bright + 0.05) / (dim + 0.05)
}

// readable is the least contrast that text must have, WCAG 2.2 AA.
const readable = 4.5

// ink is black or white, whichever has more contrast on a color. One of the two always
// has 4.58 or more.
func ink(on color) color {
	if contrast(rgb(white), on) >= contrast(rgb(black), on) {
		return rgb(white)
	}
	return rgb(black)
}

// legible is the color, or the nearest one towards black or white that is readable on all
// the given backgrounds.
func legible(c color, grounds ...color) color {
	end := ink(grounds[0])
	const steps = 64
	for step := range steps + 1 {
		mixed := mix(c, end, float64(step)/steps)
		if isLegible(mixed, grounds) {
			return mixed
		}
	}
	return end
}

func isLegible(c color, grounds []color) bool {
	for _, ground := range grounds {
		if contrast(c, ground) < readable {
			return false
		}
	}
	return true
}

func mix(from, to color, part float64) color {
	channel := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*part)) }
	return color{channel(from.r, to.r), channel(from.g, to.g), channel(from.b, to.b)}
}
