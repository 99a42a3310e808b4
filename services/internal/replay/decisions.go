package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Decisions decides every event of the log anew and compares with the outcomes
// the worker told: whether a rule has changed, or somebody has changed the log.
//
// Outcomes of events the worker has not come to are counted as undecided. How far
// it has come its checkpoint says, or without Redis its last outcome.
func Decisions[S any, E fold.Event](ctx context.Context, c Check, rules fold.Rules[S, E]) (Summary, error) {
	return c.each(ctx, rules.Worker, func(ctx context.Context, i *inspection) error {
		d := &decisions[S, E]{inspection: i, replay: fold.NewReplay(rules), seed: maphash.MakeSeed()}
		return d.compare(ctx, rules)
	})
}

type decisions[S any, E fold.Event] struct {
	*inspection
	replay  *fold.Replay[S, E]
	pending []expected // in order, and not met yet
	matched uint64     // the cause matched last
	done    uint64     // the worker has come to here
	seed    maphash.Seed
}

// expected is an outcome that should follow in the log.
type expected struct {
	cause      uint64
	key        eventlog.Key
	event      string // the cause's name
	name, body string
	sum        uint64 // of the body
}

// bodies is how many expected outcomes are kept whole. Where a worker was once far
// behind there are many more between a cause and its outcome; of those only a sum
// is kept, so that memory does not grow with the log.
const bodies = 4096

func (d *decisions[S, E]) expect(o fold.Decided) expected {
	e := expected{
		cause: o.Cause.Sequence, key: o.Cause.Key(), event: o.Cause.Name(), name: o.Name, sum: maphash.Bytes(d.seed, o.Body),
	}
	if len(d.pending) < bodies {
		e.body = string(o.Body)
	}
	return e
}

func (d *decisions[S, E]) compare(ctx context.Context, rules fold.Rules[S, E]) error {
	if err := d.locate(ctx, rules.Worker); err != nil {
		return err
	}
	err := Scan(ctx, d.Log, Range{Filters: []string{eventlog.AllIn(d.partition)}}, func(m eventlog.Message) error {
		switch {
		case m.Source() == rules.Worker:
			return d.recorded(ctx, m)
		case !isInput(rules.Inputs, m):
			return nil
		}
		decided := d.replay.Take(m)
		d.folded(decided)
		switch {
		case decided.Name == "":
		case m.Sequence > d.done:
			d.Undecided++ // not kept: a worker may be far behind
		default:
			d.pending = append(d.pending, d.expect(decided))
		}
		return nil
	})
	d.progress(int(d.Events % tick))
	for _, p := range d.pending {
		d.missing(p)
	}
	return err
}

// locate finds out how far the worker has come. Outcomes are told in the order of
// their causes, and before the checkpoint passes them, so everything up to there
// is in the log that is read next.
func (d *decisions[S, E]) locate(ctx context.Context, worker string) error {
	if d.Redis != nil {
		checkpoint, err := fold.StatesOf(d.Redis, worker, d.partition).Checkpoint(ctx)
		if err != nil {
			return err
		}
		if checkpoint.Of(d.stream) == nil {
			d.done = checkpoint.Seq
		}
	}
	last, err := d.Log.LastOf(ctx, eventlog.SaidIn(d.partition, worker))
	if err != nil || last == nil {
		return err
	}
	if cause, err := strconv.ParseUint(last.Header.Get(events.HeaderCause), 10, 64); err == nil && cause < last.Sequence {
		d.done = max(d.done, cause)
	}
	return nil
}

func (d *decisions[S, E]) missing(e expected) {
	d.found(Finding{Kind: Missing, Key: slashed(e.key), Sequence: e.cause,
		Detail: fmt.Sprintf("%s should have been told of %s", e.name, e.event)})
}

// recorded compares one outcome. Outcomes are told in the order of their causes:
// what was expected before this one's is missing.
func (d *decisions[S, E]) recorded(ctx context.Context, m eventlog.Message) error {
	d.Compared++
	cause, err := strconv.ParseUint(m.Header.Get(events.HeaderCause), 10, 64)
	if err != nil || cause == 0 || cause >= m.Sequence {
		d.found(Finding{Kind: Foreign, Key: slashed(m.Key()), Sequence: m.Sequence,
			Detail: fmt.Sprintf("%s names no earlier event in %s: another program published it", m.Name(), events.HeaderCause)})
		return nil //nolint:nilerr // found, and reading goes on
	}
	at, is := slices.BinarySearchFunc(d.pending, cause, func(e expected, cause uint64) int {
		return cmp.Compare(e.cause, cause)
	})
	if !is && cause > d.done && d.Undecided > 0 { // told while this was read
		d.Undecided--
		return nil
	}
	if !is {
		return d.unexpected(ctx, m, cause)
	}
	for _, p := range d.pending[:at] {
		d.missing(p)
	}
	want := d.pending[at]
	d.pending = d.pending[at+1:]
	d.matched = cause
	if want.sum == maphash.Bytes(d.seed, m.Data) && want.name == m.Name() {
		return nil
	}
	if fields := want.differences(m); len(fields) > 0 {
		d.found(Finding{Kind: Wrong, Key: slashed(m.Key()), Sequence: cause, Fields: fields,
			Detail: fmt.Sprintf("the outcome of %s, at sequence %d", want.event, m.Sequence)})
	}
	return nil
}

// unexpected says what an outcome is that nothing led to.
func (d *decisions[S, E]) unexpected(ctx context.Context, m eventlog.Message, cause uint64) error {
	f := Finding{Kind: Phantom, Key: slashed(m.Key()), Sequence: cause,
		Detail: fmt.Sprintf("%s, at sequence %d, should not have been told", m.Name(), m.Sequence)}
	if cause == d.matched {
		f.Kind, f.Detail = Doubled, fmt.Sprintf("%s is told again at sequence %d", m.Name(), m.Sequence)
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

// differences of what should have been told and what was. Bytes that differ and
// say the same do not count, nor does the trace it belonged to.
func (e expected) differences(m eventlog.Message) []Difference {
	if e.body == "" { // not kept, see bodies
		return []Difference{{Field: "body", Should: e.name + " with another body", Is: string(m.Data)}}
	}
	should, is := flat([]byte(e.body)), flat(m.Data)
	should["event"], is["event"] = e.name, m.Name()
	return differences(should, is)
}

// flat is a JSON document with a field for each value, named by its path.
func flat(body []byte) map[string]string {
	fields := map[string]string{}
	var document any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		fields["body"] = string(body)
		return fields
	}
	flatten(fields, "", document)
	delete(fields, "traceparent")
	delete(fields, "tracestate")
	return fields
}

func flatten(fields map[string]string, path string, value any) {
	under := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			flatten(fields, under(name), member)
		}
	case []any:
		for n, element := range v {
			flatten(fields, under(strconv.Itoa(n)), element)
		}
	default:
		fields[path] = fmt.Sprint(v)
	}
}
