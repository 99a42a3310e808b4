package events

import (
	"iter"
	"strconv"
	"strings"
)

// ExtensionErased is of operator: what the log had of an extension was deleted, for good, because a person wanted so
// (Regulation (EU) 2016/679, Article 17). It says itself nothing of a person. It is stored before anything is deleted, and
// what a worker keeps of the extension is from then on a function of this event alone.
//
// It covers every event of the extension before it, except others of its kind.
type ExtensionErased struct {
	By         string `json:"by"`                   // who erased it: a name of the operator's choice
	Generation int    `json:"generation,omitempty"` // of the last license; 0: there never was one
	Messages   int    `json:"messages"`             // how many events are in Sequences
	Sequences  string `json:"sequences"`            // the covered ones, or a part of them, as in "5 9-11": places in the log
	Licenses   string `json:"licenses,omitempty"`   // for the books, see LicensePeriod
}

// LicensePeriod is how Licenses writes a license, several with a space between: "1:1772870400000-1772956800000:4:3" is
// generation 1, granted and revoked at these Unix milliseconds, for 4 devices, of which 3 were in at the same time.
const LicensePeriod = "%d:%d-%d:%d:%d"

const (
	maxSequences = 40 << 10 // characters; a longer list is in several events
	maxLicenses  = 8 << 10
)

// Covers tells whether Sequences names a place in the log.
func (d ExtensionErased) Covers(sequence uint64) bool {
	for from, to := range spans(d.Sequences) {
		if from <= sequence && sequence <= to {
			return true
		}
	}
	return false
}

// Last is the last place that Sequences names.
func (d ExtensionErased) Last() (last uint64) {
	for _, to := range spans(d.Sequences) {
		last = max(last, to)
	}
	return last
}

// spans are the ranges of a list like "5 9-11".
func spans(list string) iter.Seq2[uint64, uint64] {
	return func(yield func(from, to uint64) bool) {
		for word := range strings.FieldsSeq(list) {
			first, last, isRange := strings.Cut(word, "-")
			if !isRange {
				last = first
			}
			from, err := strconv.ParseUint(first, 10, 64)
			to, worse := strconv.ParseUint(last, 10, 64)
			if err == nil && worse == nil && !yield(from, to) {
				return
			}
		}
	}
}

func (d *ExtensionErased) fields(v visitor) {
	v.text("by", required, &d.By, label)
	v.number("generation", optional, &d.Generation, 1, maxInteger)
	v.number("messages", required, &d.Messages, 1, maxInteger)
	v.text("sequences", required, &d.Sequences, sequenceList)
	v.text("licenses", optional, &d.Licenses, licenseList)
}

func sequenceList(s string) string {
	return listOf(s, maxSequences, "0123456789 -", `sequences like "5 9-11"`)
}

func licenseList(s string) string {
	return listOf(s, maxLicenses, "0123456789 :-", `licenses like "1:1772870400000-1772956800000:4:3"`)
}

func listOf(s string, most int, of, like string) string {
	switch {
	case len(s) > most:
		return "is longer than " + strconv.Itoa(most) + " characters"
	case !only(s, func(c byte) bool { return strings.IndexByte(of, c) >= 0 }):
		return "is no list of " + like
	}
	return ""
}
