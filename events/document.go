package events

import (
	"strconv"
	"unicode/utf8"
)

// document is a JSON text that was read once and found to be I-JSON (RFC 7493): UTF-8, no key twice in one object, no
// unpaired surrogate. encoding/json is laxer on purpose: it takes the last of two equal keys, takes "Email" for
// "email", and mends broken Unicode — three ways in which two readers of one event could see two different things.
//
// The values lie in one flat list, in the order of the text. A container is followed by what it holds, and next says
// where it ends, so its members are walked with
//
//	for i := d.first(c); i != d.end(c); i = d.end(i) { … }
//
// Nothing is copied: a value is a stretch of the text.
type document struct {
	name   string // what faults of the whole call it: "" the event, or "data"
	in     []byte
	pos    int
	values []value
	space  [18]value // room for an ordinary event, so that it costs no allocation of its own
}

type value struct {
	kind       valueKind
	escaped    bool // a text with a backslash
	keyEscaped bool
	key        span
	span             // of a text: without its quotes
	next       int32 // 0 while the value is being read
}

type span struct{ from, to int32 }

type valueKind uint8

const (
	object valueKind = iota
	array
	text
	number
	boolean
	null
)

func (k valueKind) String() string {
	return [...]string{"an object", "an array", "a string", "a number", "a boolean", "null"}[k]
}

const (
	maxDepth = 64 // of objects and arrays in one another

	// fewMembers is up to how many members an object's keys are compared pairwise, which is quicker than a map.
	fewMembers = 16
)

// read reads the whole text. The first value is the document's own.
func (d *document) read(in []byte) error {
	if len(in) > MaxSize {
		return d.fault("has " + strconv.Itoa(len(in)) + " bytes; at most " + strconv.Itoa(MaxSize) + " are allowed")
	}
	if hasByteOrderMark(in) {
		return d.fault("begins with a byte order mark; take it out")
	}
	if !utf8.Valid(in) {
		return d.fault("is not valid UTF-8 at byte " + strconv.Itoa(firstInvalid(in)+1))
	}
	d.in, d.pos, d.values = in, 0, d.space[:0]
	if err := d.value(value{}, 0); err != nil {
		return err
	}
	if d.peek(); d.pos < len(in) {
		return d.syntax("nothing more")
	}
	return nil
}

// firstInvalid is where a text stops being UTF-8.
func firstInvalid(in []byte) int {
	for i := 0; i < len(in); {
		r, size := utf8.DecodeRune(in[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(in)
}

// readObject is read for a text that must be an object.
func (d *document) readObject(in []byte) error {
	if err := d.read(in); err != nil {
		return err
	}
	if got := d.values[0].kind; got != object {
		return d.fault(mustBe(object, got))
	}
	return nil
}

func (d *document) fault(problem string) error { return &FieldError{Field: d.name, Problem: problem} }

// value reads any value. Its key is already in v.
func (d *document) value(v value, depth int) error {
	c := d.peek()
	i := len(d.values)
	v.from = int32(d.pos)
	switch c {
	case '"':
		v.kind = text
	case '{':
		v.kind = object
	case '[':
		v.kind = array
	case 't', 'f':
		v.kind = boolean
	case 'n':
		v.kind = null
	default:
		v.kind = number
	}
	d.values = append(d.values, v)
	if err := d.content(i, c, depth); err != nil {
		return err
	}
	d.values[i].next = int32(len(d.values))
	return nil
}

func (d *document) content(i int, c byte, depth int) error {
	v := &d.values[i]
	var err error
	switch v.kind {
	case text:
		v.span, v.escaped, err = d.quoted()
		return err
	case object, array:
		if depth == maxDepth {
			return d.fault("is nested deeper than " + strconv.Itoa(maxDepth))
		}
		if v.kind == object {
			return d.object(i, depth+1)
		}
		return d.array(depth + 1)
	case number:
		err = d.number()
	case null:
		err = d.word("null")
	case boolean:
		if c == 't' {
			err = d.word("true")
		} else {
			err = d.word("false")
		}
	}
	v.to = int32(d.pos)
	return err
}

func (d *document) object(i, depth int) error {
	d.pos++ // {
	if d.peek() == '}' {
		d.pos++
		return nil
	}
	members := 0
	for {
		if d.peek() != '"' {
			return d.syntax("a key in quotes")
		}
		var v value
		var err error
		if v.key, v.keyEscaped, err = d.quoted(); err != nil {
			return err
		}
		if d.peek() != ':' {
			return d.syntax("a colon")
		}
		d.pos++
		if err := d.value(v, depth); err != nil {
			return err
		}
		members++
		switch d.peek() {
		case ',':
			d.pos++
		case '}':
			d.pos++
			return d.distinct(int32(i), members)
		default:
			return d.syntax("a comma or }")
		}
	}
}

func (d *document) array(depth int) error {
	d.pos++ // [
	if d.peek() == ']' {
		d.pos++
		return nil
	}
	for {
		if err := d.value(value{}, depth); err != nil {
			return err
		}
		switch d.peek() {
		case ',':
			d.pos++
		case ']':
			d.pos++
			return nil
		default:
			return d.syntax("a comma or ]")
		}
	}
}
