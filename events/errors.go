package events

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

// ErrUnknownEvent says that the subject is in order but names a source or an event this version of the contract does
// not have. It is no fault of the message: a reader skips it, so new events can be published before every reader
// knows them.
var ErrUnknownEvent = errors.New("unknown event")

// FieldError is a fault of one field. Its text is made to be shown and logged: it never holds the value of an unknown
// field or of a free text (someone may have put a password there), and other values only cut short.
type FieldError struct {
	Field   string // "data.deviceId", "time", "subject.tenant"; "" for the whole document
	Problem string // what is wrong and what to do: "must be a string, not a number"
}

func (e *FieldError) Error() string {
	if e.Field == "" {
		return "the event " + e.Problem
	}
	return e.Field + ": " + e.Problem
}

// shownRunes is how much of a value a message quotes.
const shownRunes = 40

// show quotes a value for a message, cut to shownRunes, with everything unprintable escaped.
func show(s string) string {
	n := 0
	for i := range s {
		if n == shownRunes {
			return strconv.Quote(s[:i]) + "… (" + strconv.Itoa(utf8.RuneCountInString(s)) + " characters)"
		}
		n++
	}
	return strconv.Quote(s)
}
