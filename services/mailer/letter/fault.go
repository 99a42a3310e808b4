package letter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong in a directory of brands, and where.
type Fault struct {
	File         string
	Line, Column int // from 1; 0: of the file as a whole
	Problem      string
}

func (f *Fault) Error() string {
	switch {
	case f.Line == 0:
		return f.File + ": " + f.Problem
	case f.Column == 0:
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Problem)
	default:
		return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Problem)
	}
}

// Faults are all that is wrong in a directory of brands.
type Faults []*Fault

// Error lists them, a line each, so that an editor of these files sees them all.
func (f Faults) Error() string {
	lines := make([]string, 0, len(f)+1)
	lines = append(lines, fmt.Sprintf("MAIL_BRANDS: faults: %d", len(f)))
	for _, fault := range f {
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

// err returns the faults in the order of files and lines, or nil.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b *Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column, strings.Compare(a.Problem, b.Problem))
	})
	return slices.CompactFunc(f, func(a, b *Fault) bool { return *a == *b }) // a layout is part of several mails
}

// add adds a fault of a file as a whole.
func (f *Faults) add(file string, err error) {
	var one *Fault
	var several Faults
	switch {
	case errors.As(err, &one):
		*f = append(*f, one)
		return
	case errors.As(err, &several):
		*f = append(*f, several...)
		return
	}
	*f = append(*f, &Fault{File: file, Problem: err.Error()})
}
