package events

import (
	"bytes"
	"strings"
)

// distinct refuses the object if two of its keys are equal.
func (d *document) distinct(object int32, members int) error {
	if members > fewMembers {
		return d.distinctMany(object)
	}
	end := int32(len(d.values)) // the object itself is still being read
	for a := d.first(object); a != end; a = d.end(a) {
		key := d.key(a)
		for b := d.end(a); b != end; b = d.end(b) {
			if bytes.Equal(key, d.key(b)) {
				return d.duplicate(key)
			}
		}
	}
	return nil
}

func (d *document) distinctMany(object int32) error {
	seen := make(map[string]struct{}, 2*fewMembers)
	for i := d.first(object); i != int32(len(d.values)); i = d.end(i) {
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
	var path []string
	if d.name != "" {
		path = append(path, d.name)
	}
	for i := range d.values {
		if v := &d.values[i]; v.next == 0 && v.key.to > 0 {
			path = append(path, shownKey(d.key(int32(i))))
		}
	}
	if len(path) > shownLevels {
		path = append(path[:shownLevels], "…")
	}
	path = append(path, shownKey(key))
	return &FieldError{Field: strings.Join(path, "."), Problem: "is given twice; send it once"}
}

// shownLevels is how deep a path in a message goes; the contract's own fields are at most two deep.
const shownLevels = 4

// shownKey is a key for a message: most are plain words; any other is quoted and cut short.
func shownKey(key []byte) string {
	s := string(key)
	if s == "" || len(s) > shownRunes || !only(s, isNumberByte) {
		return show(s)
	}
	return s
}

// first is the first value in a container, or its end.
func (d *document) first(container int32) int32 { return container + 1 }

// end is where a value and all that it holds ends, and the next one begins.
func (d *document) end(i int32) int32 { return d.values[i].next }

// count is how many values a container holds, not counting what those hold.
func (d *document) count(container int32) int {
	n := 0
	for i := d.first(container); i != d.end(container); i = d.end(i) {
		n++
	}
	return n
}

// member finds a member of an object by its exact key.
func (d *document) member(object int32, key string) (int32, bool) {
	for i := d.first(object); i != d.end(object); i = d.end(i) {
		if string(d.key(i)) == key {
			return i, true
		}
	}
	return 0, false
}

// emptyObject adds an object that is not in the text, to read in the place of one that is missing.
func (d *document) emptyObject() int32 {
	i := int32(len(d.values))
	d.values = append(d.values, value{kind: object, next: i + 1})
	return i
}

// key is the key of a member, as its publisher meant it.
func (d *document) key(i int32) []byte {
	v := &d.values[i]
	return d.unquoted(v.key, v.keyEscaped)
}

// text is a text as its publisher meant it. Like key and raw it may be a stretch of the document: copy it to keep it.
func (d *document) text(i int32) []byte {
	v := &d.values[i]
	return d.unquoted(v.span, v.escaped)
}

// raw is a number, a boolean or null as it is written.
func (d *document) raw(i int32) []byte { return d.in[d.values[i].from:d.values[i].to] }

func (d *document) unquoted(s span, escaped bool) []byte {
	raw := d.in[s.from:s.to]
	if escaped {
		return unescape(raw)
	}
	return raw
}
