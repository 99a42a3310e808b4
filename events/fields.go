package events

import (
	"strconv"
	"strings"
	"time"
)

// visitor is shown every field of a value, in the order of the contract, with its rule. There are four: the decoder
// fills the field, the checker checks it, the encoder writes it, nameList notes its name.
type visitor interface {
	text(name string, p presence, v *string, r rule)
	number(name string, p presence, v *int, least, most int)
	moment(name string, v *time.Time)
	seats(name string, v *[]Seat)
}

// visited is a value that shows its fields.
type visited interface{ fields(visitor) }

// presence says whether a field must be there. In Go the zero value of an optional field stands for its absence; in
// JSON an optional text may also be given as "".
type presence bool

const (
	required presence = true
	optional presence = false
)

// checker finds the first field that breaks its rule.
type checker struct {
	path string // what the names are prefixed with: "data."
	err  error
}

func check(d visited) error {
	c := checker{path: "data."}
	d.fields(&c)
	return c.err
}

func (c *checker) text(name string, p presence, v *string, r rule) {
	if c.err == nil {
		c.report(name, textProblem(p, *v, r))
	}
}

func (c *checker) number(name string, p presence, v *int, least, most int) {
	if c.err == nil && (p == required || *v != 0) {
		c.report(name, numberRangeProblem(*v, least, most))
	}
}

func (c *checker) moment(name string, v *time.Time) {
	if c.err == nil {
		c.report(name, timeProblem(*v))
	}
}

func (c *checker) seats(name string, v *[]Seat) {
	if c.err != nil {
		return
	}
	c.report(name, seatsProblem(len(*v)))
	for i := range *v {
		if c.err != nil {
			return
		}
		seat := checker{path: seatPath(c.path, name, i)}
		(*v)[i].fields(&seat)
		c.err = seat.err
	}
}

func (c *checker) report(name, problem string) {
	if problem != "" {
		c.err = &FieldError{Field: c.path + name, Problem: problem}
	}
}

func seatPath(path, name string, i int) string {
	return path + name + "[" + strconv.Itoa(i) + "]."
}

// nameList collects the names of the fields.
type nameList []string

func (n *nameList) text(name string, _ presence, _ *string, _ rule)  { *n = append(*n, name) }
func (n *nameList) number(name string, _ presence, _ *int, _, _ int) { *n = append(*n, name) }
func (n *nameList) moment(name string, _ *time.Time)                 { *n = append(*n, name) }
func (n *nameList) seats(name string, _ *[]Seat)                     { *n = append(*n, name) }

// sentence lists the names for a message.
func (n nameList) sentence() string {
	if len(n) == 0 {
		return "none"
	}
	return strings.Join(n, ", ")
}
