package replay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// HeaderOrigin on a copied fact is where it comes from: <creation of its log, Unix nanoseconds>.<sequence there>.
const HeaderOrigin = "Softphone-Origin"

// ErrSameLog refuses to copy a log into itself.
var ErrSameLog = errors.New("the target is the log itself")

// Copied counts the facts of a range by result.
type Copied struct {
	Written uint64 `json:"written"`
	There   uint64 `json:"there"`             // already in the target
	Skipped uint64 `json:"skipped,omitempty"` // unreadable, so no worker could have decided them
	Late    uint64 `json:"late,omitempty"`    // not in the target, and older than what is there for their extension: they cannot follow it
}

// Copy publishes facts into another log, in order. That log's workers decide them.
//
// Each copy names its origin, and Copy starts by reading the origins in the target. So it knows what is there, and may
// be interrupted and repeated at any time, also long after the server forgot the ids. A missing fact that is older
// than what the target has of its extension would come too late, and is left out.
type Copy struct {
	To      *eventlog.Log
	Created time.Time // of the log the facts come from
	Speed   float64   // 1: as fast as it happened; 0: as fast as possible

	// Change returns the fact to publish. An error skips it.
	Change   func(eventlog.Message) (events.Event, error)
	Skipped  func(eventlog.Message, error)
	Progress func(int)

	done    Copied
	there   map[events.Extension]uint64 // in the target, by extension: the last one, as a sequence of the origin
	copied  sequences                   // sequences of the origin in the target
	waiting []*nats.Msg
	origin  string
	began   time.Time // when the copy began
	first   time.Time // when the first fact happened
}

// sequences is a set, 64 of them in an entry: smaller than Copy's map of extensions.
type sequences map[uint64]uint64

func (s sequences) add(n uint64)      { s[n/64] |= 1 << (n % 64) }
func (s sequences) has(n uint64) bool { return s[n/64]&(1<<(n%64)) != 0 }

// Begin reads which facts the target already has.
func (c *Copy) Begin(ctx context.Context) error {
	state, err := c.To.State(ctx)
	if err != nil {
		return err
	}
	if state.Created.Equal(c.Created) {
		return ErrSameLog
	}
	c.origin = strconv.FormatInt(c.Created.UnixNano(), 10) + "."
	c.there, c.copied = map[events.Extension]uint64{}, sequences{}
	return Scan(ctx, c.To, Range{Filters: factFilters()}, func(m eventlog.Message) error {
		text, ours := strings.CutPrefix(m.Header.Get(HeaderOrigin), c.origin)
		if sequence, err := strconv.ParseUint(text, 10, 64); ours && err == nil {
			x := m.Extension()
			c.there[x] = max(c.there[x], sequence)
			c.copied.add(sequence)
		}
		return nil
	})
}

// factFilters match all facts.
func factFilters() (filters []string) {
	for _, source := range events.FactSources() {
		filters = append(filters, events.LogSubject(events.AnyPartition, source, "*", "*", "*"))
	}
	return filters
}

// Add copies the next fact. It may wait for more facts, to publish them together, or for the fact's time.
func (c *Copy) Add(ctx context.Context, m eventlog.Message) error {
	c.Progress(1)
	fact, err := c.Change(m)
	if err != nil {
		c.done.Skipped++
		c.Skipped(m, err)
		return nil
	}
	switch last := c.there[fact.Extension]; {
	case m.Sequence > last:
	case c.copied.has(m.Sequence):
		c.done.There++
		return nil
	default:
		c.done.Late++
		return nil
	}
	body, err := fact.Encode()
	if err != nil {
		c.done.Skipped++
		c.Skipped(m, err)
		return nil
	}
	if err := c.pace(ctx, m.Time); err != nil {
		return err
	}
	c.waiting = append(c.waiting, &nats.Msg{Subject: fact.Subject(), Data: body, Header: nats.Header{
		events.HeaderMsgID: {fact.ID}, HeaderOrigin: {c.origin + strconv.FormatUint(m.Sequence, 10)},
	}})
	if len(c.waiting) == batch {
		return c.publish(ctx)
	}
	return nil
}

// End publishes the facts that wait, and returns the counts.
func (c *Copy) End(ctx context.Context) (Copied, error) {
	err := c.publish(ctx)
	return c.done, err
}

// pace waits until as much time has passed as between the facts, divided by the speed.
func (c *Copy) pace(ctx context.Context, then time.Time) error {
	if c.Speed == 0 {
		return nil
	}
	if c.first.IsZero() {
		c.first, c.began = then, time.Now()
	}
	due := c.began.Add(time.Duration(float64(then.Sub(c.first)) / c.Speed))
	if time.Until(due) <= 0 {
		return nil
	}
	if err := c.publish(ctx); err != nil {
		return err
	}
	return sleep(ctx, time.Until(due))
}

func (c *Copy) publish(ctx context.Context) error {
	if len(c.waiting) == 0 {
		return nil
	}
	n := uint64(len(c.waiting))
	if n > 1 {
		if _, err := jetstreamext.PublishMsgBatch(ctx, c.To.JetStream(), c.waiting); err == nil {
			c.done.Written += n
			c.waiting = c.waiting[:0]
			return nil
		}
		// All or none of it is stored. One by one, the server says which fact it refuses.
	}
	for _, m := range c.waiting {
		for _, name := range [...]string{jetstreamext.BatchIDHeader, jetstreamext.BatchSeqHeader, jetstreamext.BatchCommitHeader} {
			m.Header.Del(name)
		}
		receipt, err := c.To.Publish(ctx, m)
		if err != nil {
			return fmt.Errorf("copying: %w", err)
		}
		if receipt.Duplicate {
			c.done.There++
		} else {
			c.done.Written++
		}
	}
	c.waiting = c.waiting[:0]
	return nil
}
