package replay

import (
	"context"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Covered is the sequence of the last erasure (ExtensionErased) of each extension. What an erasure covers is not
// copied, even if the erasure was interrupted and the source still has it.
type Covered map[events.Extension]uint64

// CoveredIn reads the erasures of a log.
func CoveredIn(ctx context.Context, log *eventlog.Log) (Covered, error) {
	c := Covered{}
	filter := events.LogSubject(events.AnyPartition, events.Operator, "*", "*", events.ExtensionErased{}.EventName())
	return c, Scan(ctx, log, Range{Filters: []string{filter}}, func(m eventlog.Message) error { c.Add(m); return nil })
}

// Add takes the next message of the source.
func (c Covered) Add(m eventlog.Message) {
	if isErasure(m) {
		c[m.Extension()] = m.Sequence
	}
}

// Has reports whether an erasure covers a message.
func (c Covered) Has(m eventlog.Message) bool { return !isErasure(m) && m.Sequence < c[m.Extension()] }

func isErasure(m eventlog.Message) bool {
	return m.Source() == events.Operator && m.Name() == events.ExtensionErased{}.EventName()
}
