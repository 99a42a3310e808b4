package letter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/textproto"

	"github.com/jordan-wright/email"
)

// boundary of a section of a mail. It derives from the cause, so that a mail that is sent twice is the same twice.
func boundary(section, causeID string) string {
	sum := sha256.Sum256([]byte(section + " " + causeID))
	return hex.EncodeToString(sum[:boundaryBytes])
}

// boundaryBytes become a boundary as long as the library's, in hexadecimal.
const boundaryBytes = 30

var errShape = errors.New("the MIME library made something unexpected")

// parts is the body of a message whose Content-Type is multipart/alternative:
//
//	text/plain
//	multipart/related
//	  text/html
//	  image/png …
//
// Without pictures the HTML stands alone. The library can only take boundaries at random, so they are replaced. The related
// section names its root, as RFC 2387 §3.1 requires and the library does not. Nothing else in a body looks like either: a
// text's "=" is encoded.
func parts(causeID string, body bodies, pictures []*picture, domain string) ([]byte, error) {
	m := email.NewEmail()
	m.Text, m.HTML = body.text, body.html
	for _, p := range pictures {
		m.Attachments = append(m.Attachments, p.attachment(domain))
	}
	m.Headers.Set("Message-Id", "") // of its header nothing is used; without one the library would make it from this host's name
	raw, err := m.Bytes()
	if err != nil {
		return nil, err
	}
	_, made, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	random, is := boundaryAfter(made, "--")
	if !is {
		return nil, errShape
	}
	made = bytes.ReplaceAll(made, random, []byte(boundary("alternative", causeID)))
	if len(pictures) == 0 {
		return made, nil
	}
	const related, parameter = "\r\nContent-Type: multipart/related;", "\r\n boundary="
	if random, is = boundaryAfter(made, related+parameter); !is {
		return nil, errShape
	}
	made = bytes.ReplaceAll(made, random, []byte(boundary("related", causeID)))
	return bytes.Replace(made, []byte(related), []byte(related+` type="text/html";`), 1), nil
}

// boundaryAfter is the boundary that follows the first occurrence of a text.
func boundaryAfter(body []byte, text string) ([]byte, bool) {
	_, rest, found := bytes.Cut(body, []byte(text))
	if !found || len(rest) < 2*boundaryBytes {
		return nil, false
	}
	return bytes.Clone(rest[:2*boundaryBytes]), true
}

// attachment is the picture as an inline part.
func (p *picture) attachment(domain string) *email.Attachment {
	return &email.Attachment{
		Filename: p.name, ContentType: "image/png", Content: p.png, HTMLRelated: true,
		Header: textproto.MIMEHeader{
			"Content-Id":          {"<" + p.id + "@" + domain + ">"},
			"Content-Disposition": {"inline;\r\n filename=\"" + p.name + `"`},
		},
	}
}
