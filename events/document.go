package events

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// document is a JSON text that was read once and found to be I-JSON (RFC 7493): UTF-8, no key twice in one object, no
// unpaired surrogate. encoding/json is laxer on purpose: it takes the last of two equal keys, takes "Email" for
// "email", and mends broken Unicode — three ways in which two readers of one event could see two different things.
//
// The values lie in one flat list, in the order of the text. A container is followed by what it holds, and next says
// where its own successor is, so its members are walked with
//
//	for i := d.first(c); i != d.values[c].next; i = d.values[i].next { … }
//
// Nothing is copied: a value is a stretch of the text.
type document struct {
	in     []byte
	pos    int
	values []value
	space  [24]value // room for an ordinary event, so that it costs no allocation of its own
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
		return &FieldError{Problem: "has " + strconv.Itoa(len(in)) + " bytes; at most " + strconv.Itoa(MaxSize) + " are allowed"}
	}
	if !utf8.Valid(in) {
		return &FieldError{Problem: "is not valid UTF-8"}
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

// value reads any value. Its key is already in v.
func (d *document) value(v value, depth int) error {
	c := d.peek()
	i := len(d.values)
	v.from = int32(d.pos)
	switch {
	case c == '"':
		v.kind = text
	case c == '{':
		v.kind = object
	case c == '[':
		v.kind = array
	case c == 't' || c == 'f':
		v.kind = boolean
	case c == 'n':
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
			return &FieldError{Problem: "is nested deeper than " + strconv.Itoa(maxDepth)}
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
			return d.distinct(i, members)
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

// distinct refuses the object if two of its keys are equal.
func (d *document) distinct(object, members int) error {
	if members > fewMembers {
		return d.distinctMany(object)
	}
	end := int32(len(d.values))
	for a := int32(object) + 1; a != end; a = d.values[a].next {
		for b := d.values[a].next; b != end; b = d.values[b].next {
			if bytes.Equal(d.key(a), d.key(b)) {
				return d.duplicate(d.key(a))
			}
		}
	}
	return nil
}

func (d *document) distinctMany(object int) error {
	seen := make(map[string]struct{}, fewMembers)
	for i := int32(object) + 1; i != int32(len(d.values)); i = d.values[i].next {
		key := d.key(i)
		if _, twice := seen[string(key)]; twice {
			return d.duplicate(key)
		}
		seen[string(key)] = struct{}{}
	}
	return nil
}

// duplicate names the key with its path: the containers around it are the ones still being read.
func (d *document) duplicate(key []byte) error {
	path := ""
	for i := range d.values {
		if v := &d.values[i]; v.next == 0 && v.key.to > 0 {
			path += shownKey(d.key(int32(i))) + "."
		}
	}
	return &FieldError{Field: path + shownKey(key), Problem: "is given twice; send it once"}
}

// shownKey is a key for a message: most are plain words; any other is quoted and cut short.
func shownKey(key []byte) string {
	s := string(key)
	if s == "" || len(s) > shownRunes || !only(s, isNumberByte) {
		return show(s)
	}
	return s
}

// key is the key of a member, as its publisher meant it.
func (d *document) key(i int32) []byte {
	v := &d.values[i]
	return d.unquoted(v.key, v.keyEscaped)
}

// text is a text as its publisher meant it. It may be a stretch of the document: copy it to keep it.
func (d *document) text(i int32) []byte {
	v := &d.values[i]
	return d.unquoted(v.span, v.escaped)
}

func (d *document) unquoted(s span, escaped bool) []byte {
	raw := d.in[s.from:s.to]
	if escaped {
		return unescape(raw)
	}
	return raw
}

// first is a container's first value.
func (d *document) first(container int32) int32 { return container + 1 }

// member finds a member of an object by its exact key.
func (d *document) member(object int32, key string) (int32, bool) {
	for i := d.first(object); i != d.values[object].next; i = d.values[i].next {
		if string(d.key(i)) == key {
			return i, true
		}
	}
	return 0, false
}
