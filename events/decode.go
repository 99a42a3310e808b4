package events

import (
	"fmt"
	"mime"
	"strings"
)

// Decode reads a message of the log. The subject, in either form, says what to expect, and the body must agree with
// it. Unknown fields are passed over and kept nowhere.
//
// The error is ErrUnknownEvent (with errors.Is) for an event that this version of the contract does not have, and a
// *FieldError for everything else: such a message is wrong for ever.
func Decode(subject string, body []byte) (Event, error) { return decode(subject, body, lenient) }

// DecodeStrict is Decode for events a person has just written: an unknown field is an error too. Of the attributes
// CloudEvents lets a publisher add it knows dataschema, traceparent and tracestate.
func DecodeStrict(subject string, body []byte) (Event, error) { return decode(subject, body, strict) }

// DecodeData reads the data of an event alone. The errors are Decode's.
func DecodeData(event string, data []byte) (Data, error) { return decodeData(event, data, lenient) }

// DecodeDataStrict is DecodeData, and an unknown field is an error.
func DecodeDataStrict(event string, data []byte) (Data, error) {
	return decodeData(event, data, strict)
}

// strictness says what an unknown field is: nothing, or an error.
type strictness bool

const (
	lenient strictness = false
	strict  strictness = true
)

func decode(subject string, body []byte, s strictness) (Event, error) {
	route, err := ParseSubject(subject)
	if err != nil {
		return Event{}, err
	}
	k := kindOf(route.Source, route.Event)
	if k == nil {
		return Event{}, fmt.Errorf("%w: %s of %s", ErrUnknownEvent, route.Event, route.Source)
	}
	var doc document
	if err := doc.readObject(body); err != nil {
		return Event{}, err
	}
	e := Event{Source: route.Source, Extension: route.Extension}
	data, err := decodeEnvelope(&doc, s, k, &e)
	if err != nil {
		return Event{}, err
	}
	if e.Data, err = decodeObject(&doc, data, s, k); err != nil {
		return Event{}, err
	}
	return e, nil
}

func decodeData(event string, data []byte, s strictness) (Data, error) {
	k := kindNamed(event)
	if k == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownEvent, show(event))
	}
	var doc document
	doc.name = "data"
	if err := doc.readObject(data); err != nil {
		return nil, err
	}
	return decodeObject(&doc, 0, s, k)
}

// decodeEnvelope reads the CloudEvents attributes and returns where the data is. Subject and type say again what the
// message's subject says: a message that contradicts itself is refused, not interpreted.
func decodeEnvelope(doc *document, s strictness, k *kind, e *Event) (data int32, err error) {
	d := decoder{doc: doc, strictness: s}
	d.constant("specversion", specVersion, "")
	d.text("id", required, &e.ID, idRule(e.Source))
	d.checked("source", required, e.Source, label)
	d.constant("type", typePrefix, k.event)
	d.constant("subject", e.Extension.Tenant, "/"+e.Extension.Number)
	d.moment("time", &e.Time)
	if e.Source == Portal {
		e.Actor.fields(&d)
		if e.Actor.Kind == "" {
			e.Actor = Actor{}
		}
	}
	d.checked("datacontenttype", optional, contentType, jsonContent)
	data, found := d.member("data", object)
	if !found {
		data = doc.emptyObject()
	}
	d.know("dataschema", "traceparent", "tracestate")
	d.refuseUnknown()
	return data, d.err
}

func decodeObject(doc *document, of int32, s strictness, k *kind) (Data, error) {
	d := decoder{doc: doc, of: of, path: "data.", strictness: s}
	data := k.decode(&d)
	d.refuseUnknown()
	if d.err != nil {
		return nil, d.err
	}
	return data, nil
}

// jsonContent accepts JSON, in UTF-8 if it says in what, however the media type is written (RFC 9110, section 8.3.1).
func jsonContent(s string) string {
	kind, parameters, err := mime.ParseMediaType(s)
	if charset, says := parameters["charset"]; err == nil && kind == contentType &&
		(len(parameters) == 0 || len(parameters) == 1 && says && strings.EqualFold(charset, "utf-8")) {
		return ""
	}
	return "must be " + show(contentType) + ", not " + show(s)
}
