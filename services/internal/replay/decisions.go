package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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
		d := &decisions[S, E]{inspection: i, replay: fold.NewReplay(rules)}
		return d.compare(ctx, rules)
	})
}

type decisions[S any, E fold.Event] struct {
	*inspection
	replay  *fold.Replay[S, E]
	pending []fold.Decided // expected, in order, and not met yet
	matched uint64         // the cause matched last
	done    uint64         // the worker has come to here
}

func (d *decisions[S, E]) compare(ctx context.Context, rules fold.Rules[S, E]) error {
	if err := d.locate(ctx, rules.Worker); err != nil {
		return err
	}
	err := Scan(ctx, d.Log, Range{Filters: []string{partitionFilter(d.partition)}}, func(m eventlog.Message) error {
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
			decided.Cause.Data, decided.Cause.Header = nil, nil
			d.pending = append(d.pending, decided)
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
	last, err := d.Log.LastOf(ctx, eventlog.OutcomesIn(d.partition, worker))
	if err != nil || last == nil {
		return err
	}
	if cause, err := strconv.ParseUint(last.Header.Get(events.HeaderCause), 10, 64); err == nil && cause < last.Sequence {
		d.done = max(d.done, cause)
	}
	return nil
}

func (d *decisions[S, E]) missing(p fold.Decided) {
	d.found(Finding{Kind: Missing, Key: slashed(p.Cause.Key()), Sequence: p.Cause.Sequence,
		Detail: fmt.Sprintf("%s should have been told of %s", p.Name, p.Cause.Name())})
}

// recorded compares one outcome. Outcomes are told in the order of their causes:
// what was expected before this one's is missing.
func (d *decisions[S, E]) recorded(ctx context.Context, m eventlog.Message) error {
	d.Compared++
	cause, err := strconv.ParseUint(m.Header.Get(events.HeaderCause), 10, 64)
	if err != nil || cause == 0 || cause >= m.Sequence {
		d.found(Finding{Kind: Foreign, Key: slashed(m.Key()), Sequence: m.Sequence,
			Detail: fmt.Sprintf("%s names no earlier event in %s: another program published it", m.Name(), events.HeaderCause)})
		return nil
	}
	at, expected := slices.BinarySearchFunc(d.pending, cause, func(p fold.Decided, cause uint64) int {
		return cmp.Compare(p.Cause.Sequence, cause)
	})
	if !expected && cause > d.done && d.Undecided > 0 { // told while this was read
		d.Undecided--
		return nil
	}
	if !expected {
		return d.unexpected(ctx, m, cause)
	}
	for _, p := range d.pending[:at] {
		d.missing(p)
	}
	want := d.pending[at]
	d.pending = d.pending[at+1:]
	d.matched = cause
	if fields := outcomeDifferences(want, m); len(fields) > 0 {
		d.found(Finding{Kind: Wrong, Key: slashed(m.Key()), Sequence: cause, Fields: fields,
			Detail: fmt.Sprintf("the outcome of %s, at sequence %d", want.Cause.Name(), m.Sequence)})
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

// outcomeDifferences of what should have been told and what was. Bytes that
// differ and say the same do not count, nor does the trace it belonged to.
func outcomeDifferences(want fold.Decided, m eventlog.Message) []Difference {
	if bytes.Equal(want.Body, m.Data) && want.Name == m.Name() {
		return nil
	}
	should, is := flat(want.Body), flat(m.Data)
	should["event"], is["event"] = want.Name, m.Name()
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
