package events

import (
	"strconv"
	"time"
)

// Encode validates the event and writes it as a structured CloudEvent (CloudEvents 1.0, JSON format). Equal events
// give equal bytes. It never exceeds MaxSize: every text is bounded.
func (e Event) Encode() ([]byte, error) {
	k, err := e.valid()
	if err != nil {
		return nil, err
	}
	w := writer{out: make([]byte, 0, 512)}
	w.out = append(w.out, `{"specversion":"`+specVersion+`","id":"`...)
	w.out = append(w.out, e.ID...)
	w.out = append(w.out, `","source":"`...)
	w.out = append(w.out, e.Source...)
	w.out = append(w.out, `","type":"`+typePrefix...)
	w.out = append(w.out, k.event...)
	w.out = append(w.out, `","subject":"`...)
	w.out = append(w.out, e.Extension.Tenant...)
	w.out = append(w.out, '/')
	w.out = append(w.out, e.Extension.Number...)
	w.out = append(w.out, `","time":"`...)
	w.out = e.Time.UTC().AppendFormat(w.out, time.RFC3339Nano)
	w.out, w.comma = append(w.out, '"'), true
	e.Actor.fields(&w)
	w.out = append(w.out, `,"datacontenttype":"`+contentType+`","data":`...)
	w.data(k, e.Data)
	return append(w.out, '}'), nil
}

// EncodeData validates the data and writes it alone.
func (e Event) EncodeData() ([]byte, error) {
	k, err := e.validData()
	if err != nil {
		return nil, err
	}
	w := writer{out: make([]byte, 0, 256)}
	w.data(k, e.Data)
	return w.out, nil
}

// writer is the visitor that writes fields as members of a JSON object. It writes only what was checked before:
// printable texts, in which only the quote and the backslash need an escape.
type writer struct {
	out   []byte
	comma bool // before the next member or element
}

func (w *writer) data(k *kind, d Data) {
	w.open('{')
	k.visit(d, w)
	w.shut('}')
}

func (w *writer) text(name string, p presence, v *string, _ rule) {
	if *v == "" && p == optional {
		return
	}
	w.key(name)
	w.out = append(w.out, '"')
	from := 0
	for i := range len(*v) {
		if c := (*v)[i]; c == '"' || c == '\\' {
			w.out = append(w.out, (*v)[from:i]...)
			w.out = append(w.out, '\\')
			from = i
		}
	}
	w.out = append(w.out, (*v)[from:]...)
	w.out = append(w.out, '"')
}

func (w *writer) number(name string, p presence, v *int, _, _ int) {
	if *v == 0 && p == optional {
		return
	}
	w.key(name)
	w.out = strconv.AppendInt(w.out, int64(*v), 10)
}

func (w *writer) moment(name string, v *time.Time) {
	w.key(name)
	w.out = append(w.out, '"')
	w.out = v.UTC().AppendFormat(w.out, time.RFC3339Nano)
	w.out = append(w.out, '"')
}

func (w *writer) seats(name string, v *[]Seat) {
	w.key(name)
	w.open('[')
	for i := range *v {
		w.separate()
		w.open('{')
		(*v)[i].fields(w)
		w.shut('}')
	}
	w.shut(']')
}

func (w *writer) key(name string) {
	w.separate()
	w.out = append(w.out, '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, '"', ':')
}

func (w *writer) separate() {
	if w.comma {
		w.out = append(w.out, ',')
	}
	w.comma = true
}

func (w *writer) open(bracket byte) { w.out, w.comma = append(w.out, bracket), false }
func (w *writer) shut(bracket byte) { w.out, w.comma = append(w.out, bracket), true }
