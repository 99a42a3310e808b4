package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Decisions re-decides every event of the log and compares with the worker's outcomes. It shows whether a rule has
// changed, or someone has changed the log.
//
// Outcomes of events that the worker has not reached are counted as undecided. The checkpoint says how far the worker
// is; without Redis, or if the checkpoint is not one of this log (a finding of its own), the last outcome does.
func Decisions[S any](ctx context.Context, c Check, rules fold.Rules[S]) (Summary, error) {
	return c.each(ctx, rules.Worker, func(ctx context.Context, pass []*inspection) error {
		return parallel(ctx, pass, len(pass), func(i *inspection, ctx context.Context) error {
			d := &decisions[S]{inspection: i, replay: fold.NewReplay(rules), seed: maphash.MakeSeed()}
			if err := d.compare(ctx, rules); err != nil {
				return err
			}
			return d.done()
		})
	})
}

type decisions[S any] struct {
	*inspection
	replay  *fold.Replay[S]
	pending []expected // in order, and not seen in the log yet
	matched uint64     // the last cause whose outcome was found
	come    uint64     // the worker has decided everything up to here
	seed    maphash.Seed
}

// expected is an outcome that should follow in the log.
type expected struct {
	cause uint64
	sum   uint64   // of name and body
	whole *outcome // nil when there are too many
}

type outcome struct {
	key        events.Extension
	event      string // the cause's name
	name, body string // "" if only the sum was stored
}

// bodies is how many expected outcomes are stored whole. Where a worker was far behind, there are many more between a
// cause and its outcome. Of those only a sum is stored, so that a million of them take 24 MB.
const bodies = 512

func (d *decisions[S]) expect(cause eventlog.Message, o fold.Decided) {
	e := expected{cause: cause.Sequence, sum: d.sum(o.Name, o.Body)}
	if len(d.pending) < bodies {
		e.whole = &outcome{key: cause.Extension(), event: cause.Name(), name: o.Name, body: string(o.Body)}
	}
	d.pending = append(d.pending, e)
}

func (d *decisions[S]) sum(name string, body []byte) uint64 {
	return maphash.String(d.seed, name) ^ maphash.Bytes(d.seed, body)
}

// load returns an expected outcome, as far as it is known.
func (d *decisions[S]) load(ctx context.Context, e expected) (outcome, error) {
	if e.whole != nil {
		return *e.whole, nil
	}
	cause, err := d.Log.Get(ctx, e.cause)
	if err != nil || cause == nil { // deleted in the meantime
		return outcome{}, err
	}
	return outcome{key: cause.Extension(), event: cause.Name()}, nil
}

func (d *decisions[S]) compare(ctx context.Context, rules fold.Rules[S]) error {
	if err := d.findPosition(ctx, rules.Worker); err != nil {
		return err
	}
	err := d.read(ctx, func(m eventlog.Message) error {
		switch {
		case m.OutcomeOf(rules.Worker):
			return d.recorded(ctx, m)
		case !isInput(rules.Inputs, m):
			return nil
		}
		decided := d.replay.Decide(m)
		d.folded(m, decided.Fault)
		switch {
		case decided.Name == "":
		case m.Sequence > d.come:
			d.Undecided++ // only counted: a worker may be far behind
		default:
			d.expect(m, decided)
		}
		return nil
	})
	d.say(int(d.Events % tick))
	if err != nil {
		return err
	}
	return d.missing(ctx, d.pending)
}

// findPosition finds how far the worker is. Outcomes are published in the order of their causes, and before the
// checkpoint passes them, so everything up to there is in the log that is read next.
func (d *decisions[S]) findPosition(ctx context.Context, worker string) (err error) {
	var checkpoint fold.Checkpoint
	if d.Redis != nil {
		checkpoint, err = fold.StatesOf(d.Redis, worker, d.partition).Checkpoint(ctx)
	}
	damage := err
	if err != nil && !errors.Is(err, fold.ErrDamaged) {
		return err
	}
	last, err := d.Log.LastOutcome(ctx, d.partition, worker)
	if err != nil {
		return err
	}
	// The stream is read last: both grow in between.
	if d.stream, err = d.Log.State(ctx); err != nil {
		return err
	}
	if checkpoint != (fold.Checkpoint{}) {
		damage = checkpoint.Of(d.stream)
	}
	if damage == nil {
		d.come = checkpoint.Seq
	} else {
		d.notThisLog(checkpoint.Seq, damage)
	}
	if last == nil {
		return nil
	}
	if cause, err := strconv.ParseUint(last.Header.Get(events.HeaderCause), 10, 64); err == nil && cause < last.Sequence {
		d.come = max(d.come, cause)
	}
	return nil
}

// missing reports outcomes that should have been published.
func (d *decisions[S]) missing(ctx context.Context, all []expected) error {
	for _, e := range all {
		o, err := d.load(ctx, e)
		if err != nil {
			return err
		}
		d.found(Finding{Kind: Missing, Key: o.key.String(), Sequence: e.cause,
			Detail: fmt.Sprintf("%s should have been published for %s", cmp.Or(o.name, "an outcome"), o.event)})
	}
	return nil
}

// recorded compares one outcome. Outcomes are published in the order of their causes: any that was expected before
// this one's is missing.
func (d *decisions[S]) recorded(ctx context.Context, m eventlog.Message) error {
	d.Compared++
	cause, err := strconv.ParseUint(m.Header.Get(events.HeaderCause), 10, 64)
	if err != nil || cause == 0 || cause >= m.Sequence {
		d.found(Finding{Kind: Foreign, Key: m.Extension().String(), Sequence: m.Sequence,
			Detail: fmt.Sprintf("%s names no earlier event in %s: another program published it", m.Name(), events.HeaderCause)})
		return nil //nolint:nilerr // found, and reading goes on
	}
	at, is := slices.BinarySearchFunc(d.pending, cause, func(e expected, cause uint64) int {
		return cmp.Compare(e.cause, cause)
	})
	if !is && cause > d.come && d.Undecided > 0 { // published during the comparison
		d.Undecided--
		return nil
	}
	if !is {
		return d.unexpected(ctx, m, cause)
	}
	if err := d.missing(ctx, d.pending[:at]); err != nil {
		return err
	}
	want := d.pending[at]
	d.pending = d.pending[at+1:]
	d.matched = cause
	if want.sum == d.sum(m.Name(), m.Data) {
		return nil
	}
	o, err := d.load(ctx, want)
	if err != nil {
		return err
	}
	if fields := o.differences(m); len(fields) > 0 {
		d.found(Finding{Kind: Wrong, Key: m.Extension().String(), Sequence: cause, Fields: fields,
			Detail: fmt.Sprintf("the outcome of %s, at sequence %d", o.event, m.Sequence)})
	}
	return nil
}

// unexpected reports an outcome that was not expected.
func (d *decisions[S]) unexpected(ctx context.Context, m eventlog.Message, cause uint64) error {
	f := Finding{Kind: Phantom, Key: m.Extension().String(), Sequence: cause,
		Detail: fmt.Sprintf("%s, at sequence %d, should not have been published", m.Name(), m.Sequence)}
	if cause == d.matched {
		f.Kind, f.Detail = Doubled, fmt.Sprintf("%s is published again at sequence %d", m.Name(), m.Sequence)
		d.found(f)
		return nil
	}
	there, err := d.Log.Get(ctx, cause)
	if err != nil {
		return err
	}
	if there == nil {
		f.Kind, f.Detail = Gone, fmt.Sprintf("the cause of %s, at sequence %d, was deleted from the log", m.Name(), m.Sequence)
	}
	d.found(f)
	return nil
}

// differences between the outcome that should have been published and the one that was. Different bytes with the same
// meaning do not count, nor does the trace.
func (o outcome) differences(m eventlog.Message) []Difference {
	if o.body == "" { // not stored, see bodies
		return []Difference{{Field: "body", Should: "another outcome", Is: string(m.Data)}}
	}
	should, is := flat([]byte(o.body)), flat(m.Data)
	should["event"], is["event"] = o.name, m.Name()
	return differences(should, is)
}
