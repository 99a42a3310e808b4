package events

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decode reads a message of the log. The subject, in either form, says what to expect, and the body must agree with
// it. Unknown fields are passed over and kept nowhere.
//
// The error is ErrUnknownEvent (with errors.Is) for an event that this version of the contract does not have, and a
// *FieldError for everything else: such a message is wrong for ever.
func Decode(subject string, body []byte) (Event, error) { return decode(subject, body, lenient) }

// DecodeStrict is Decode for events a person has just written: an unknown field is an error too. Of the CloudEvents
// attributes that events may carry besides the contract's it knows dataschema, traceparent and tracestate.
func DecodeStrict(subject string, body []byte) (Event, error) { return decode(subject, body, strict) }

// DecodeData reads the data of an event alone. The errors are Decode's.
func DecodeData(event string, data []byte) (Data, error) { return decodeData(event, data, lenient) }

// DecodeDataStrict is DecodeData, and an unknown field is an error.
func DecodeDataStrict(event string, data []byte) (Data, error) {
	return decodeData(event, data, strict)
}

const (
	lenient = false
	strict  = true
)

func decode(subject string, body []byte, strict bool) (Event, error) {
	route, err := ParseSubject(subject)
	if err != nil {
		return Event{}, err
	}
	k := kindOf(route.Source, route.Event)
	if k == nil {
		return Event{}, fmt.Errorf("%w: %s of %s", ErrUnknownEvent, route.Event, route.Source)
	}
	d := decoder{strict: strict}
	if err := d.read(body); err != nil {
		return Event{}, err
	}
	e := Event{Source: route.Source, Extension: route.Extension}
	d.envelope(k, &e)
	e.Data = d.data(k)
	if d.err != nil {
		return Event{}, d.err
	}
	return e, nil
}

func decodeData(event string, data []byte, strict bool) (Data, error) {
	k := kindOf(SourceOf(event), event)
	if k == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownEvent, show(event))
	}
	d := decoder{path: "data.", strict: strict}
	err := d.doc.read(data)
	if err == nil && d.doc.values[0].kind != object {
		err = &FieldError{Field: "data", Problem: mustBe(object, d.doc.values[0].kind)}
	}
	if err != nil {
		return nil, err
	}
	decoded := k.decode(&d)
	d.refuseUnknown()
	if d.err != nil {
		return nil, d.err
	}
	return decoded, nil
}

// decoder is the visitor that fills fields from the members of one object of the document.
type decoder struct {
	doc    document
	of     int32  // the object
	path   string // what its field names are prefixed with
	strict bool
	known  nameList // the fields asked for so far; kept when strict
	err    error    // the first fault; nothing is read after it
}

func (d *decoder) read(body []byte) error {
	if err := d.doc.read(body); err != nil {
		return err
	}
	if got := d.doc.values[0].kind; got != object {
		return &FieldError{Problem: mustBe(object, got)}
	}
	return nil
}

// envelope reads the CloudEvents attributes. Subject and type say again what the message's subject says; a message
// that contradicts itself is refused, not interpreted.
func (d *decoder) envelope(k *kind, e *Event) {
	d.constant("specversion", specVersion, "")
	if d.text("id", required, &e.ID, uuid); d.err == nil {
		d.report("id", idProblem(k.source, e.ID))
	}
	d.attribute("source", label)
	d.constant("type", typePrefix, k.event)
	d.subject(e.Extension)
	d.moment("time", &e.Time)
	d.attribute("datacontenttype", jsonContent)
}

// data reads the data, which an event without required fields need not have.
func (d *decoder) data(k *kind) Data {
	if d.err != nil {
		return nil
	}
	i, found := d.find("data", object)
	if d.err != nil {
		return nil
	}
	if d.strict {
		d.known = append(d.known, "dataschema", "traceparent", "tracestate")
		d.refuseUnknown()
	}
	if !found {
		d.doc.values = append(d.doc.values, value{kind: object, next: int32(len(d.doc.values)) + 1})
		i = int32(len(d.doc.values)) - 1
	}
	d.of, d.path, d.known = i, "data.", nil
	decoded := k.decode(d)
	d.refuseUnknown()
	return decoded
}

func (d *decoder) text(name string, p presence, v *string, r rule) {
	i, found := d.need(name, p, text)
	if !found {
		return
	}
	*v = string(d.doc.text(i))
	d.report(name, textProblem(p, *v, r))
}

func (d *decoder) number(name string, p presence, v *int, min, max int) {
	i, found := d.need(name, p, number)
	if !found {
		return
	}
	n, ok := integer(d.doc.in[d.doc.values[i].from:d.doc.values[i].to])
	if !ok {
		d.report(name, "is not a whole number from "+strconv.Itoa(min)+" to "+strconv.Itoa(max))
		return
	}
	*v = n
	d.report(name, numberRangeProblem(n, min, max))
}

func (d *decoder) moment(name string, v *time.Time) {
	i, found := d.need(name, required, text)
	if !found {
		return
	}
	s := d.doc.text(i)
	// UnmarshalText, unlike time.Parse, accepts RFC 3339 and nothing else.
	if len(s) > maxTime || v.UnmarshalText(s) != nil {
		d.report(name, show(string(s))+" is not a time of RFC 3339 like 2026-03-09T08:15:00.250Z")
		return
	}
	d.report(name, writtenYearProblem(*v))
	*v = v.UTC()
	d.report(name, timeProblem(*v))
}

func (d *decoder) seats(name string, v *[]Seat) {
	list, found := d.need(name, required, array)
	if !found {
		return
	}
	of, path, known := d.of, d.path, d.known
	n := 0
	for i := d.doc.first(list); i != d.doc.values[list].next && d.err == nil; i = d.doc.values[i].next {
		if n++; n > MaxSeats {
			continue
		}
		if got := d.doc.values[i].kind; got != object {
			d.report(name+"["+strconv.Itoa(n-1)+"]", mustBe(object, got))
			break
		}
		var seat Seat
		d.of, d.path, d.known = i, seatPath(path, name, n-1), nil
		seat.fields(d)
		d.refuseUnknown()
		*v = append(*v, seat)
		d.of, d.path = of, path
	}
	d.of, d.path, d.known = of, path, known
	d.report(name, seatsProblem(n))
}

// constant requires a text that is prefix and rest in one.
func (d *decoder) constant(name, prefix, rest string) {
	i, found := d.need(name, required, text)
	if !found {
		return
	}
	got, n := d.doc.text(i), len(prefix)
	if len(got) != n+len(rest) || string(got[:n]) != prefix || string(got[n:]) != rest {
		d.report(name, "must be "+show(prefix+rest)+", not "+show(string(got)))
	}
}

// subject requires what the message's subject says: "acme/1001".
func (d *decoder) subject(x Extension) {
	d.constant("subject", x.Tenant, "/"+x.Number)
}

// attribute checks an optional text that is not kept; source must be there.
func (d *decoder) attribute(name string, r rule) {
	p := presence(name == "source")
	i, found := d.need(name, p, text)
	if !found {
		return
	}
	d.report(name, textProblem(p, string(d.doc.text(i)), r))
}

func jsonContent(s string) string {
	if s == contentType || s == contentType+"; charset=utf-8" {
		return ""
	}
	return "must be " + show(contentType) + ", not " + show(s)
}

// need finds a member; a required one that is missing and one of another kind are faults.
func (d *decoder) need(name string, p presence, want valueKind) (int32, bool) {
	i, found := d.find(name, want)
	if !found && p == required {
		d.report(name, d.missing(name))
	}
	return i, found
}

func (d *decoder) find(name string, want valueKind) (int32, bool) {
	if d.strict {
		d.known = append(d.known, name)
	}
	if d.err != nil {
		return 0, false
	}
	i, found := d.doc.member(d.of, name)
	if found && d.doc.values[i].kind != want {
		d.report(name, mustBe(want, d.doc.values[i].kind))
		return 0, false
	}
	return i, found
}

// missing explains a required field that is not there, and looks for the likely mistake.
func (d *decoder) missing(name string) string {
	for i := d.doc.first(d.of); i != d.doc.values[d.of].next; i = d.doc.values[i].next {
		if key := string(d.doc.key(i)); strings.EqualFold(key, name) {
			return "is required; the event has " + show(key) + ", but names are told apart by case"
		}
	}
	return "is required"
}

// refuseUnknown looks, when strict, for a member that no field asked for. It names it but never shows its value.
func (d *decoder) refuseUnknown() {
	if !d.strict || d.err != nil {
		return
	}
	for i := d.doc.first(d.of); i != d.doc.values[d.of].next; i = d.doc.values[i].next {
		if key := d.doc.key(i); !slices.Contains(d.known, string(key)) {
			d.report(shownKey(key), "is not a field of this event; it has "+d.known.sentence())
			return
		}
	}
}

// report keeps the first fault.
func (d *decoder) report(name, problem string) {
	if problem != "" && d.err == nil {
		d.err = &FieldError{Field: d.path + name, Problem: problem}
	}
}

func mustBe(want, got valueKind) string { return "must be " + want.String() + ", not " + got.String() }

// integer reads a number that is whole, however it is written: some publishers have only floating point.
func integer(s []byte) (int, bool) {
	if n, err := strconv.Atoi(string(s)); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(s), 64)
	n := int(f)
	return n, err == nil && float64(n) == f && -maxInteger <= n && n <= maxInteger
}
