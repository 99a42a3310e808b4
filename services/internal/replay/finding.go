package replay

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind of a finding.
type Kind string

// NotThisLog is a checkpoint of another log, or a damaged one.
const NotThisLog Kind = "not-this-log"

// Kinds of findings of State.
const (
	Differs      Kind = "differs"       // a state differs from the log's
	Lost         Kind = "lost"          // a state is missing
	Stray        Kind = "stray"         // a state of an extension that the log does not have
	Ahead        Kind = "ahead"         // a state is newer than its checkpoint
	NoCheckpoint Kind = "no-checkpoint" // there are states, but no checkpoint
)

// Kinds of findings of Decisions.
const (
	Missing Kind = "missing" // an outcome that should have been published is not in the log
	Doubled Kind = "doubled" // it is there twice
	Wrong   Kind = "wrong"   // it is there with other contents
	Phantom Kind = "phantom" // nothing in the log leads to it
	Foreign Kind = "foreign" // it names no cause
)

// Kinds of findings of both, which are not differences.
const (
	Dead Kind = "dead" // an event that cannot be decided
	Gone Kind = "gone" // an outcome's cause was deleted from the log
)

// Finding is one difference, or a remark.
type Finding struct {
	Worker    string       `json:"worker"`
	Partition int          `json:"partition"`
	Kind      Kind         `json:"kind"`
	Key       string       `json:"key,omitempty"`      // tenant/extension
	Sequence  uint64       `json:"sequence,omitempty"` // of the event, the outcome's cause, or the checkpoint
	Detail    string       `json:"detail,omitempty"`
	Fields    []Difference `json:"fields,omitempty"`
	Repaired  bool         `json:"repaired,omitempty"`
}

// Difference of one field. An empty side is absent.
type Difference struct {
	Field  string `json:"field"`
	Should string `json:"should,omitempty"`
	Is     string `json:"is,omitempty"`
}

// Difference reports whether the finding is a difference, not a remark.
func (f Finding) Difference() bool { return f.Kind != Dead && f.Kind != Gone }

// String is one line, and one more for each field.
func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s partition %d: %s", f.Worker, f.Partition, f.Kind)
	if f.Key != "" {
		b.WriteString(" " + f.Key)
	}
	if f.Sequence > 0 {
		fmt.Fprintf(&b, " at sequence %d", f.Sequence)
	}
	if f.Detail != "" {
		b.WriteString(": " + f.Detail)
	}
	if f.Repaired {
		b.WriteString(" (repaired)")
	}
	for _, d := range f.Fields {
		fmt.Fprintf(&b, "\n    %s: should be %s, is %s", d.Field, side(d.Should), side(d.Is))
	}
	return b.String()
}

func side(value string) string {
	if value == "" {
		return "absent"
	}
	return value
}

// differences of two hashes, by field.
func differences(should, is map[string]string) []Difference {
	var all []Difference
	for _, field := range slices.Sorted(maps.Keys(union(should, is))) {
		s, wanted := should[field]
		i, there := is[field]
		if s == i && wanted == there {
			continue
		}
		d := Difference{Field: field}
		if wanted {
			d.Should = printable(s)
		}
		if there {
			d.Is = printable(i)
		}
		all = append(all, d)
	}
	return all
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

// printable shows binary values as hexadecimal digits.
func printable(s string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if s == "" {
		return `""`
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, control) {
		return hex.EncodeToString([]byte(s))
	}
	return s
}
