package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// ReadJSON fills target, a pointer to a struct, from a JSON object that everybody reads alike: I-JSON as the events
// are, and every name is that of a field, letter by letter. encoding/json alone would take "Password" for "password",
// the last of two, and U+FFFD for every byte that is not UTF-8, so that two passwords could be one.
//
// The error is a *FieldError with the place, and never repeats a value. Name is what it calls the whole text.
func ReadJSON(name string, body []byte, target any) error {
	doc := document{name: name}
	if err := doc.readObject(body); err != nil {
		return err
	}
	if err := doc.exact(0, "", reflect.TypeOf(target).Elem()); err != nil {
		return err
	}
	err := json.Unmarshal(body, target)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		kind, _, _ := strings.Cut(wrong.Value, " ")
		return &FieldError{Field: wrong.Field, Problem: "must be a " + wrong.Type.String() + ", not " + kind}
	}
	if err != nil {
		return doc.fault("does not have the fields that are described")
	}
	return nil
}

// exact refuses a name that no field of the struct has, in the object and in those within it.
func (d *document) exact(of int32, path string, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || d.values[of].kind != object {
		return nil
	}
	fields := jsonFields(t)
	for i := d.first(of); i != d.end(of); i = d.end(i) {
		key := d.key(i)
		field, known := fields[string(key)]
		if !known {
			return &FieldError{Field: path + shownKey(key), Problem: notAField(string(key), fields)}
		}
		if err := d.exact(i, path+string(key)+".", field); err != nil {
			return err
		}
	}
	return nil
}

func notAField(key string, fields map[string]reflect.Type) string {
	for name := range fields {
		if strings.EqualFold(name, key) {
			return "is not " + name + ": names are told apart by case"
		}
	}
	return "unknown field"
}

// jsonFields are the types of a struct's fields, by their names in JSON.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
	return fields
}

// byteOrderMark is what some editors put in front of UTF-8. RFC 8259, section 8.1, forbids it.
var byteOrderMark = []byte("\xef\xbb\xbf") //nolint:gochecknoglobals // a constant, which Go has no word for

func hasByteOrderMark(in []byte) bool { return bytes.HasPrefix(in, byteOrderMark) }
