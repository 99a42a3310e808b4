package events

import (
	"bytes"
	"strconv"
	"time"
)

// parseTime reads a time of RFC 3339 and nothing else. The time package alone is laxer (go.dev/issue/54580): it takes
// a comma for the decimal point, an hour of one digit, and an offset of 24 hours.
func parseTime(s []byte) (t time.Time, ok bool) {
	if len(s) > maxTime || !looksLikeTime(s) {
		return t, false
	}
	err := t.UnmarshalText(s)
	return t, err == nil
}

// looksLikeTime holds s to the form dddd-dd-ddTdd:dd:dd[.d…](Z|±hh:mm). The time package checks the calendar.
func looksLikeTime(s []byte) bool {
	const seconds = "dddd-dd-ddTdd:dd:dd"
	if len(s) <= len(seconds) || !hasForm(s[:len(seconds)], seconds) {
		return false
	}
	zone := s[len(seconds):]
	if zone[0] == '.' {
		rest := bytes.TrimLeft(zone[1:], "0123456789")
		if len(rest) == len(zone)-1 {
			return false
		}
		zone = rest
	}
	if len(zone) == 1 {
		return zone[0] == 'Z'
	}
	return (hasForm(zone, "+dd:dd") || hasForm(zone, "-dd:dd")) && string(zone[1:3]) < "24" && string(zone[4:6]) < "60"
}

// hasForm compares s with a form in which d stands for any digit.
func hasForm(s []byte, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i, c := range s {
		if form[i] == 'd' && !isDigit(c) || form[i] != 'd' && form[i] != c {
			return false
		}
	}
	return true
}

// timeProblem bounds the year, so that every reader's arithmetic is safe and a clock that was never set is noticed.
func timeProblem(t time.Time) string { return writtenYearProblem(t.UTC()) }

// writtenYearProblem is timeProblem before the zone is taken off, so that the schemas can state it.
func writtenYearProblem(t time.Time) string {
	if y := t.Year(); y < 2000 || y >= 2100 {
		return "is in the year " + strconv.Itoa(y) + "; 2000 to 2099 is allowed: check the clock"
	}
	return ""
}
