package letter

import (
	"bytes"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

func TestContrast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b uint32
		want float64
	}{{white, black, 21}, {white, white, 1}, {0x777777, white, 4.48}, {0x767676, white, 4.54}, {0x0000FF, white, 8.59}, {0xFF0000, black, 5.25}} {
		if got := contrast(rgb(c.a), rgb(c.b)); math.Abs(got-c.want) > 0.005 {
			t.Errorf("%06x on %06x: %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

// Whatever color a brand has, all text can be read, light and dark.
func TestEveryColorIsLegible(t *testing.T) {
	t.Parallel()
	for r := 0; r < 256; r += 15 {
		for g := 0; g < 256; g += 15 {
			for b := 0; b < 256; b += 15 {
				brand := color{uint8(r), uint8(g), uint8(b)}
				p := colors(brand)
				for name, s := range map[string]shades{"light": p.Light, "dark": p.Dark} {
					if contrast(s.Ink, s.Button) < readable {
						t.Errorf("%s: %s on the button", brand, s.Ink)
					}
					for _, text := range []color{s.Text, s.Muted, s.Accent} {
						for _, ground := range []color{s.Page, s.Card, s.Box} {
							if contrast(text, ground) < readable {
								t.Errorf("%s, %s: %s on %s has %.2f", brand, name, text, ground, contrast(text, ground))
							}
						}
					}
				}
			}
		}
	}
}

// A color that can be read is used as it is.
func TestGoodColorsStay(t *testing.T) {
	t.Parallel()
	if p := colors(rgb(0x0B6E4F)); p.Light.Accent != rgb(0x0B6E4F) || p.Light.Button != rgb(0x0B6E4F) || p.Light.Ink != rgb(white) {
		t.Errorf("%+v", p.Light)
	}
	if p := colors(rgb(0xFFD400)); p.Dark.Accent != rgb(0xFFD400) || p.Light.Button != rgb(0xFFD400) || p.Light.Ink != rgb(black) || p.Light.Accent == rgb(0xFFD400) {
		t.Errorf("%+v", p)
	}
}

// Another reader of QR codes finds the download page in it, and nothing else.
func TestQRCode(t *testing.T) {
	t.Parallel()
	p := read(t, render(t, examples(t), letter(Welcome)).Bytes)
	for id, content := range p.parts {
		if !strings.HasPrefix(id, "qr.") {
			continue
		}
		picture, err := png.Decode(bytes.NewReader([]byte(content)))
		if err != nil {
			t.Fatal(err)
		}
		bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
		if err != nil {
			t.Fatal(err)
		}
		result, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
		if err != nil || result.GetText() != "https://acme.example/softphone" {
			t.Errorf("the QR code says %v, %v", result, err)
		}
		return
	}
	t.Error("there is no QR code")
}
