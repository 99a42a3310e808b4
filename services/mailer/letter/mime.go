package letter

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
)

// lineBytes become a line of 76 characters in base64, the most there may be (RFC 2045 §6.8).
const lineBytes = 57

// boundary of a section of a mail. It derives from the cause, so that a mail that is sent twice is the same twice.
func boundary(section, causeID string) string {
	sum := sha256.Sum256([]byte(section + " " + causeID))
	return hex.EncodeToString(sum[:30])
}

// writeParts writes the body of a message whose Content-Type is multipart/alternative:
//
//	text/plain
//	multipart/related
//	  text/html
//	  image/png …
//
// Without pictures the HTML stands alone. The related section names its root, as RFC 2387 §3.1 requires.
func writeParts(w io.Writer, causeID string, body bodies, pictures []*picture, domain string) error {
	alternative := multipart.NewWriter(w)
	if err := alternative.SetBoundary(boundary("alternative", causeID)); err != nil {
		return err
	}
	if err := writeText(alternative, "text/plain", body.text); err != nil {
		return err
	}
	if len(pictures) == 0 {
		if err := writeText(alternative, "text/html", body.html); err != nil {
			return err
		}
		return alternative.Close()
	}
	inner := boundary("related", causeID)
	part, err := alternative.CreatePart(textproto.MIMEHeader{
		"Content-Type": {`multipart/related; type="text/html";` + "\r\n boundary=" + inner},
	})
	if err != nil {
		return err
	}
	if err := writeRelated(part, inner, body.html, pictures, domain); err != nil {
		return err
	}
	return alternative.Close()
}

// writeRelated writes the HTML and the pictures that it shows.
func writeRelated(w io.Writer, boundary string, html []byte, pictures []*picture, domain string) error {
	related := multipart.NewWriter(w)
	if err := related.SetBoundary(boundary); err != nil {
		return err
	}
	if err := writeText(related, "text/html", html); err != nil {
		return err
	}
	for _, p := range pictures {
		if err := p.write(related, domain); err != nil {
			return err
		}
	}
	return related.Close()
}

func writeText(to *multipart.Writer, mediaType string, text []byte) error {
	part, err := to.CreatePart(textproto.MIMEHeader{
		"Content-Type": {mediaType + "; charset=UTF-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	w := quotedprintable.NewWriter(part)
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Close()
}

// write adds the picture as an inline part.
func (p *picture) write(to *multipart.Writer, domain string) error {
	part, err := to.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"image/png"}, "Content-Transfer-Encoding": {"base64"}, "Content-Id": {"<" + p.id + "@" + domain + ">"},
		"Content-Disposition": {"inline;\r\n filename=\"" + p.name + `"`},
	})
	if err != nil {
		return err
	}
	line := make([]byte, 0, 80)
	for chunk := range slices.Chunk(p.png, lineBytes) {
		line = append(base64.StdEncoding.AppendEncode(line[:0], chunk), "\r\n"...)
		if _, err := part.Write(line); err != nil {
			return err
		}
	}
	return nil
}
