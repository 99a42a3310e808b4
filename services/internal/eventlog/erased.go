package eventlog

import (
	"context"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// erasures is the filter of all erasures.
func erasures() string {
	return events.LogSubject(events.AnyPartition, events.Operator, "*", "*", events.ExtensionErased{}.EventName())
}

// eachErasure calls each with the erasures after a sequence until it wants no more. There
// are few.
func (l *Log) eachErasure(ctx context.Context, after uint64, each func(Message, events.Event, events.ExtensionErased) (more bool, err error)) error {
	last, err := l.LastOf(ctx, erasures())
	if err != nil || last == nil {
		return err
	}
	for from := after + 1; from <= last.Sequence; {
		m, err := l.NextOf(ctx, from, erasures())
		if err != nil || m == nil {
			return err
		}
		if event, err := events.Decode(m.Subject, m.Data); err == nil {
			if data, is := event.Data.(events.ExtensionErased); is {
				if more, err := each(*m, event, data); err != nil || !more {
					return err
				}
			}
		}
		from = m.Sequence + 1
	}
	return nil
}

// erased says whether an erasure names a sequence. An erasure is stored before anything is
// deleted, so a leader that lacks the message has it.
func (l *Log) erased(ctx context.Context, sequence uint64) (is bool, err error) {
	err = l.eachErasure(ctx, sequence, func(_ Message, _ events.Event, e events.ExtensionErased) (bool, error) {
		is = e.Covers(sequence)
		return !is, nil
	})
	return is, err
}

// erasing is how long an erasure may take. One that is younger may be under way.
const erasing = 10 * time.Minute

// Unerased returns an extension that was erased and whose events are there: this log is an
// older copy, or an erasure was interrupted. Zero: none is. It looks at the erasures after a
// sequence and returns up to where it has looked, also with an error. It asks two questions
// for each: events are erased in their order, so that the last one shows it.
func (l *Log) Unerased(ctx context.Context, after uint64) (extension events.Extension, checked uint64, err error) {
	checked = after
	err = l.eachErasure(ctx, after, func(m Message, event events.Event, e events.ExtensionErased) (bool, error) {
		if time.Since(event.Time) > erasing {
			covered, err := l.Get(ctx, e.Last())
			if err != nil {
				return false, err
			}
			if covered != nil && covered.Extension() == m.Extension() && covered.Sequence < m.Sequence && covered.Name() != m.Name() {
				extension = m.Extension()
				return false, nil
			}
		}
		checked = m.Sequence
		return true, nil
	})
	return extension, checked, err
}
