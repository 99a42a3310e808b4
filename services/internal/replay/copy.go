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

// HeaderOrigin is on a copied fact: where it comes from, as
// <creation of its log, Unix nanoseconds>.<sequence there>.
const HeaderOrigin = "Softphone-Origin"

// ErrSameLog says that a log was to be copied into itself.
var ErrSameLog = errors.New("the target is the log itself")

// Copied is what became of the facts of a range.
type Copied struct {
	Written uint64 `json:"written"`
	There   uint64 `json:"there"`             // in the target since an earlier copy
	Skipped uint64 `json:"skipped,omitempty"` // could not be read, so nobody could have decided them
	Late    uint64 `json:"late,omitempty"`    // not there, and older than what is there of their key: they cannot follow it
}

// Copy publishes facts into another log, in order. Its own workers decide them
// there.
//
// Each copy names its origin, and a copy begins by reading the origins in the
// target. So it knows what is there, and may be interrupted and repeated at any time,
// also long after the server would know the ids again. Of a key, what is not there
// and older than what is there would come too late, and is left out.
type Copy struct {
	To      *eventlog.Log
	Created time.Time // of the log the facts come from
	Speed   float64   // times as fast as it happened; 0: as fast as it goes

	// Change makes of a fact what is to be published. An error skips it.
	Change   func(eventlog.Message) (events.Event, error)
	Skipped  func(eventlog.Message, error)
	Progress func(int)

	done    Copied
	there   map[events.Extension]uint64 // by key in the target: the last one there, as a sequence of the origin
	copied  sequences                   // of the origin, that are there
	waiting []*nats.Msg
	origin  string
	began   time.Time // now, and
	first   time.Time // then
}

// sequences is a set of them, 64 to an entry: less than what [Copy] keeps of keys.
type sequences map[uint64]uint64

func (s sequences) add(n uint64)      { s[n/64] |= 1 << (n % 64) }
func (s sequences) has(n uint64) bool { return s[n/64]&(1<<(n%64)) != 0 }

// Begin reads what is in the target already.
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

// factFilters are the subjects of all facts.
func factFilters() (filters []string) {
	for _, source := range events.FactSources() {
		filters = append(filters, events.LogSubject(events.AnyPartition, source, "*", "*", "*"))
	}
	return filters
}

// Add copies the next fact. It may wait: for others, to publish them together, or
// for its time to come.
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

// End publishes what waits, and says what became of all.
func (c *Copy) End(ctx context.Context) (Copied, error) {
	err := c.publish(ctx)
	return c.done, err
}

// pace waits until as much time has passed as had then, divided by the speed.
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
		// All of it is stored, or nothing: one by one, the server tells.
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
