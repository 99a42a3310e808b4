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

// NotThisLog is a checkpoint that is not one of this log, or none at all.
const NotThisLog Kind = "not-this-log"

// Kinds of what State finds.
const (
	Differs      Kind = "differs"       // a state is not what the log makes of it
	Lost         Kind = "lost"          // a state is not there
	Stray        Kind = "stray"         // a state of a key that the log knows nothing of
	Ahead        Kind = "ahead"         // a state is newer than its checkpoint
	NoCheckpoint Kind = "no-checkpoint" // there are states, but no checkpoint
)

// Kinds of what Decisions finds.
const (
	Missing Kind = "missing" // an outcome that should have been told is not in the log
	Doubled Kind = "doubled" // it is there twice
	Wrong   Kind = "wrong"   // it is there and says something else
	Phantom Kind = "phantom" // nothing in the log leads to it
	Foreign Kind = "foreign" // it names no cause
)

// Kinds of what either finds, which are no difference.
const (
	Dead Kind = "dead" // an event that cannot be decided
	Gone Kind = "gone" // an outcome's cause was deleted from the log
)

// Finding is one thing that is not as it should be, or worth a word.
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

// Difference of one field. An empty side is not there.
type Difference struct {
	Field  string `json:"field"`
	Should string `json:"should,omitempty"`
	Is     string `json:"is,omitempty"`
}

// Difference tells whether the finding is one, rather than worth a word.
func (f Finding) Difference() bool { return f.Kind != Dead && f.Kind != Gone }

// String is a line or, with fields, one more for each.
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

// printable shows what is no text as hexadecimal digits.
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
