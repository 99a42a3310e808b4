package letter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"

	"rsc.io/qr"
)

// picture is part of a mail and shown in it.
type picture struct {
	name          string // of the file, when a recipient saves it
	png           []byte
	id            string // left-hand side of its Content-ID
	width, height int    // as shown
}

const (
	maxLogo    = 64 << 10 // bytes, as it is in every mail
	logoWidth  = 240      // a logo is shown this wide and this high at most
	logoHeight = 64
	maxPixels  = 4 * logoWidth // a side
	qrWidth    = 160
)

// logo makes a picture of a PNG file. It is shown at half its size in pixels or smaller,
// so that it is sharp on screens of twice the resolution.
func logo(content []byte) (*picture, error) {
	if len(content) > maxLogo {
		return nil, fmt.Errorf("has %d bytes; use at most %d, as it goes into every mail", len(content), maxLogo)
	}
	size, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, errors.New("is not a PNG picture")
	}
	// Before it is decoded: a PNG of 54 KB took 446 MB.
	if size.Width > maxPixels || size.Height > maxPixels {
		return nil, fmt.Errorf("is %d × %d pixels; use a PNG picture of at most %d × %d", size.Width, size.Height, maxPixels, maxPixels)
	}
	if _, err := png.Decode(bytes.NewReader(content)); err != nil {
		return nil, fmt.Errorf("cannot be decoded (%w); use another PNG picture", err)
	}
	p := &picture{name: "logo.png", png: content, width: max(1, size.Width/2), height: max(1, size.Height/2)}
	if p.width > logoWidth {
		p.width, p.height = logoWidth, max(1, p.height*logoWidth/p.width)
	}
	if p.height > logoHeight {
		p.width, p.height = max(1, p.width*logoHeight/p.height), logoHeight
	}
	p.identify("logo")
	return p, nil
}

// qrCode of a web address.
func qrCode(address string) (*picture, error) {
	code, err := qr.Encode(address, qr.M)
	if err != nil {
		return nil, fmt.Errorf("the QR code of the download page: %w", err)
	}
	p := &picture{name: "qr.png", png: code.PNG(), width: qrWidth, height: qrWidth}
	p.identify("qr")
	return p, nil
}

// identify names a picture by its content, so that its Content-ID is unique in the world
// (RFC 2045 §7) and the same on every replica.
func (p *picture) identify(what string) {
	sum := sha256.Sum256(p.png)
	p.id = what + "." + hex.EncodeToString(sum[:8])
}
