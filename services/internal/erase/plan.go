package erase

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// ErrLives says that an extension is in use, or may be.
var ErrLives = errors.New("the extension is not deleted: delete it first")

// plan is what is to be erased of an extension, as one reading of its events shows.
type plan struct {
	extension  events.Extension
	covered    []uint64 // sequences, in order
	lives      bool
	licensed   bool
	generation int
	licenses   []period
}

// period is a license, for the books.
type period struct {
	generation, limit, most int
	granted, revoked        int64 // Unix milliseconds; revoked 0: it is in force
}

// add takes the next event of the extension.
func (p *plan) add(m eventlog.Message) {
	name := m.Name()
	if name != (events.ExtensionErased{}).EventName() {
		p.covered = append(p.covered, m.Sequence)
	}
	switch name { // also of one that cannot be read
	case events.SoftphoneEnabled{}.EventName(), events.ExtensionRenamed{}.EventName():
		p.lives = true
	case events.ExtensionDeleted{}.EventName():
		p.lives = false
	}
	event, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return
	}
	switch data := event.Data.(type) {
	case events.LicenseGranted:
		p.licensed, p.generation = true, data.Generation
		p.licenses = append(p.licenses, period{generation: data.Generation, limit: data.DeviceLimit, granted: m.Time.UnixMilli()})
	case events.LicenseRevoked:
		p.licensed = false
		if last := p.last(); last != nil {
			last.revoked = m.Time.UnixMilli()
		}
	case events.DeviceActivated:
		if last := p.last(); last != nil {
			last.most = max(last.most, data.Used)
		}
	case events.ExtensionErased: // what it covered may be here still
		p.lives, p.licensed, p.generation, p.licenses = false, false, data.Generation, parsePeriods(data.Licenses)
	}
}

func (p *plan) last() *period {
	if len(p.licenses) == 0 {
		return nil
	}
	return &p.licenses[len(p.licenses)-1]
}

// check says why it may not be erased.
func (p *plan) check() error {
	switch {
	case p.lives:
		return fmt.Errorf("%s: %w", p.extension, ErrLives)
	case p.licensed:
		return fmt.Errorf("%s: %w: its license is not revoked yet; does the license worker run?", p.extension, ErrLives)
	}
	return nil
}

// perMarker is how many ranges of sequences fit into one marker: each has at most 41 characters and a space.
const perMarker = 900

// markers are the events that say what is erased: one, unless there are very many places to name.
func (p *plan) markers(by string) []events.Event {
	var all []events.Event
	for part := range slices.Chunk(ranges(p.covered), perMarker) {
		data := events.ExtensionErased{By: by, Generation: p.generation, Licenses: p.books()}
		var text []string
		for _, r := range part {
			data.Messages += int(r.to - r.from + 1)
			text = append(text, r.String())
		}
		data.Sequences = strings.Join(text, " ")
		marker := events.NewFact(p.extension, data)
		marker.Source = events.Operator
		all = append(all, marker)
	}
	return all
}

// mostPeriods is how many licenses a marker names, the last ones.
const mostPeriods = 100

func (p *plan) books() string {
	var text []string
	for _, l := range p.licenses[max(0, len(p.licenses)-mostPeriods):] {
		text = append(text, fmt.Sprintf(events.LicensePeriod, l.generation, l.granted, l.revoked, l.limit, l.most))
	}
	return strings.Join(text, " ")
}

func parsePeriods(text string) (all []period) {
	for word := range strings.FieldsSeq(text) {
		var l period
		if _, err := fmt.Sscanf(word, events.LicensePeriod, &l.generation, &l.granted, &l.revoked, &l.limit, &l.most); err == nil {
			all = append(all, l)
		}
	}
	return all
}

// span is a range of sequences.
type span struct{ from, to uint64 }

func (s span) String() string {
	if s.from == s.to {
		return strconv.FormatUint(s.from, 10)
	}
	return strconv.FormatUint(s.from, 10) + "-" + strconv.FormatUint(s.to, 10)
}

func ranges(sequences []uint64) (all []span) {
	slices.SortFunc(sequences, cmp.Compare)
	for _, n := range sequences {
		if last := len(all) - 1; last >= 0 && all[last].to+1 == n {
			all[last].to = n
			continue
		}
		all = append(all, span{n, n})
	}
	return all
}
