package mailer

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	gomail "github.com/emersion/go-message/mail"
)

// parsed is a mail as a mail program sees it.
type parsed struct {
	header gomail.Header
	parts  map[string]string // content type → decoded body
}

func parse(t *testing.T, raw []byte) parsed {
	t.Helper()
	for line := range strings.SplitSeq(string(raw), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("a line has %d octets or a bare CR or LF", len(line))
		}
	}
	entity, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("not a well-formed mail: %v\n%s", err, raw)
	}
	p := parsed{header: gomail.Header{Header: entity.Header}, parts: map[string]string{}}
	if err := entity.Walk(func(path []int, part *message.Entity, err error) error {
		if err != nil || len(path) == 0 {
			return err
		}
		kind, params, err := part.Header.ContentType()
		if err != nil || !strings.HasPrefix(kind, "text/") {
			return err
		}
		if !strings.EqualFold(params["charset"], "utf-8") {
			return errors.New("a part is not UTF-8")
		}
		body, err := io.ReadAll(part.Body)
		p.parts[kind] = string(body)
		return err
	}); err != nil {
		t.Fatalf("not a well-formed mail: %v\n%s", err, raw)
	}
	return p
}

func (p parsed) address(t *testing.T, field string) mail.Address {
	t.Helper()
	list, err := p.header.AddressList(field)
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %v, %v; want one address", field, list, err)
	}
	return mail.Address{Name: list[0].Name, Address: list[0].Address}
}
