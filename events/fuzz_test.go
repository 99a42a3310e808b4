package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzDecode: whatever the bytes, there is an event or a fault that can be shown. What was accepted is valid to
// encoding/json too, comes back the same, and can only be refused by the strict reader for an unknown field.
func FuzzDecode(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.Subject(), encode(f, e))
	}
	portal := NewPortalFact(Extension{Tenant: "acme", Number: "1001"}, ann, ExtensionDeleted{})
	f.Add(portal.Subject(), encode(f, portal))
	f.Add(signInSubject, []byte(signIn(f, `"data":{`, `"x":[1e5,true,null,"\ud83d\ude00"],"data":{"y":{},`)))
	f.Fuzz(func(t *testing.T, subject string, body []byte) {
		e, err := Decode(subject, body)
		if err != nil {
			var fault *FieldError
			if !errors.Is(err, ErrUnknownEvent) && !errors.As(err, &fault) || len(err.Error()) > 1000 || !utf8.ValidString(err.Error()) {
				t.Errorf("%T %q", err, err)
			}
			return
		}
		again, err := Decode(e.Subject(), encode(t, e))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%+v came back as %+v, %v", e, again, err)
		}
		if _, accepted := reference(body); !accepted {
			t.Error("encoding/json does not read it")
		}
		if _, err := DecodeStrict(subject, body); err != nil && !strings.Contains(err.Error(), "unknown field") {
			t.Errorf("strictly, %v", err)
		}
	})
}

// FuzzDocument holds the reader of JSON to encoding/json: both accept the same texts, but for what I-JSON forbids, and
// both see the same values in them.
func FuzzDocument(f *testing.F) {
	for _, e := range examples() {
		f.Add(encode(f, e))
	}
	for _, s := range []string{
		`null`, ` [ -0.5e+10 , 0 , [] , {} ] `, `"\"\\\/\b\f\n\r\t\u00e4\uD83D\uDE00"`, `{"a":{"b":1,"b":2}}`, `{"a":1,"\u0061":2}`,
		`[1,]`, `{"a"}`, `"\ud800"`, "\"\x7f\u2028\"", `01`, `tru`, `{"":{"":""}}`, "\xef\xbb\xbf{}", strings.Repeat("[", 70), `"`, `\`, `{"a`,
		`{` + manyKeys(40) + `,"k3":0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var d document
		err := d.read(in)
		if err != nil && (strings.Contains(err.Error(), "has no partner") || strings.Contains(err.Error(), "nested deeper")) {
			return // encoding/json accepts both
		}
		theirs, accepted := reference(in)
		if (err == nil) != accepted {
			t.Fatalf("read says %v, encoding/json says %v", err, accepted)
		}
		if err != nil {
			return
		}
		if ours := d.tree(0); !reflect.DeepEqual(ours, theirs) {
			t.Errorf("read\n%#v\nencoding/json\n%#v", ours, theirs)
		}
		for i, v := range d.values {
			if v.next <= int32(i) || int(v.next) > len(d.values) {
				t.Fatalf("value %d of %d ends at %d", i, len(d.values), v.next)
			}
		}
	})
}

// tree is a value as encoding/json has it in an any.
func (d *document) tree(i int32) any {
	switch d.values[i].kind {
	case object:
		m := map[string]any{}
		for j := d.first(i); j != d.end(i); j = d.end(j) {
			m[string(d.key(j))] = d.tree(j)
		}
		return m
	case array:
		a := []any{}
		for j := d.first(i); j != d.end(i); j = d.end(j) {
			a = append(a, d.tree(j))
		}
		return a
	case text:
		return string(d.text(i))
	case number:
		return json.Number(d.raw(i))
	case boolean:
		return string(d.raw(i)) == "true"
	default:
		return nil
	}
}

// reference reads a text with encoding/json, and refuses what is not UTF-8, too long, or has a key twice.
func reference(in []byte) (any, bool) {
	if len(in) > MaxSize || !utf8.Valid(in) || !json.Valid(in) {
		return nil, false
	}
	tokens := json.NewDecoder(bytes.NewReader(in))
	if keyTwice(tokens) {
		return nil, false
	}
	whole := json.NewDecoder(bytes.NewReader(in))
	whole.UseNumber()
	var v any
	err := whole.Decode(&v)
	return v, err == nil
}

func keyTwice(tokens *json.Decoder) bool {
	token, err := tokens.Token()
	if err != nil {
		return false
	}
	seen := map[json.Token]bool{}
	twice := false
	switch token {
	case json.Delim('{'):
		for tokens.More() {
			key, _ := tokens.Token()
			twice = twice || seen[key]
			seen[key] = true
			twice = keyTwice(tokens) || twice
		}
		_, _ = tokens.Token()
	case json.Delim('['):
		for tokens.More() {
			twice = keyTwice(tokens) || twice
		}
		_, _ = tokens.Token()
	}
	return twice
}
