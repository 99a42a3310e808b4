package events

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder is the visitor that fills fields from the members of one object.
type decoder struct {
	strictness
	doc  *document
	of   int32    // the object
	path string   // what its field names are prefixed with
	asks nameList // the fields asked for so far, when strict
	err  error    // the first fault; nothing is read after it
}

func (d *decoder) text(name string, p presence, v *string, r rule) {
	if i, found := d.need(name, p, text); found {
		*v = string(d.doc.text(i))
		d.report(name, textProblem(p, *v, r))
	}
}

func (d *decoder) number(name string, p presence, v *int, least, most int) {
	i, found := d.need(name, p, number)
	if !found {
		return
	}
	n, whole := integer(d.doc.raw(i))
	if !whole {
		d.report(name, "must be a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
		return
	}
	*v = n
	d.report(name, numberRangeProblem(n, least, most))
}

func (d *decoder) moment(name string, v *time.Time) {
	i, found := d.need(name, required, text)
	if !found {
		return
	}
	t, ok := parseTime(d.doc.text(i))
	if !ok {
		d.report(name, show(string(d.doc.text(i)))+" is not a time of RFC 3339 like 2026-03-09T08:15:00.250Z")
		return
	}
	*v = t.UTC()
	d.report(name, writtenYearProblem(t))
	d.report(name, timeProblem(t))
}

func (d *decoder) seats(name string, v *[]Seat) {
	list, found := d.need(name, required, array)
	if !found {
		return
	}
	d.report(name, seatsProblem(d.doc.count(list)))
	for i := d.doc.first(list); i != d.doc.end(list) && d.err == nil; i = d.doc.end(i) {
		n := len(*v)
		if got := d.doc.values[i].kind; got != object {
			d.report(name+"["+strconv.Itoa(n)+"]", mustBe(object, got))
			return
		}
		*v = append(*v, Seat{})
		seat := decoder{doc: d.doc, of: i, path: seatPath(d.path, name, n), strictness: d.strictness}
		(*v)[n].fields(&seat)
		seat.refuseUnknown()
		d.err = seat.err
	}
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

// checked reads a text that must be right and is not kept. The usual one is recognized without making a copy of it.
func (d *decoder) checked(name string, p presence, usual string, r rule) {
	i, found := d.need(name, p, text)
	if found && string(d.doc.text(i)) != usual {
		d.report(name, textProblem(p, string(d.doc.text(i)), r))
	}
}

// need finds a member; a required one that is missing is a fault.
func (d *decoder) need(name string, p presence, want valueKind) (int32, bool) {
	i, found := d.member(name, want)
	if !found && p == required {
		d.report(name, d.missing(name))
	}
	return i, found
}

// member finds a member; one of another kind is a fault.
func (d *decoder) member(name string, want valueKind) (int32, bool) {
	d.know(name)
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
	for i := d.doc.first(d.of); i != d.doc.end(d.of); i = d.doc.end(i) {
		if key := string(d.doc.key(i)); strings.EqualFold(key, name) {
			return "is required; " + show(key) + " is not it: names are told apart by case"
		}
	}
	return "is required"
}

func (d *decoder) know(names ...string) {
	if d.strictness == strict {
		d.asks = append(d.asks, names...)
	}
}

// refuseUnknown looks, when strict, for a member that no field asked for. It names it and never shows its value.
func (d *decoder) refuseUnknown() {
	if d.strictness != strict || d.err != nil {
		return
	}
	for i := d.doc.first(d.of); i != d.doc.end(d.of); i = d.doc.end(i) {
		if key := d.doc.key(i); !slices.Contains(d.asks, string(key)) {
			d.report(shownKey(key), "unknown field; the fields are: "+d.asks.sentence())
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
func integer(s []byte) (n int, whole bool) {
	if n, err := strconv.Atoi(string(s)); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || f < -maxInteger || f > maxInteger {
		return 0, false
	}
	return int(f), f == float64(int(f))
}
