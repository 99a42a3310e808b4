package fold

import (
	"context"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// traced are the steps of a batch in the traces of its events. Without a tracer, or
// without an event that carries a trace, it is empty.
type traced struct {
	tracer    tracing.Tracer
	worker    string
	decisions map[uint64]decision // by sequence
	outcomes  []tracing.Span
}

type decision struct {
	ctx  context.Context // of the steps that follow from it
	span tracing.Span
}

// deciding begins the steps in which the events are decided.
func (o *owner[S, E]) deciding(ctx context.Context, messages []eventlog.Message) traced {
	t := traced{tracer: o.Tracer, worker: o.rules.Worker}
	if !o.Tracer.On() {
		return t
	}
	for _, m := range messages {
		if tracing.Header(m.Header) == "" {
			continue
		}
		if t.decisions == nil {
			t.decisions = map[uint64]decision{}
		}
		within, span := o.Tracer.Process(ctx, m.Header, o.rules.Worker, "decide", m.About())
		t.decisions[m.Sequence] = decision{within, span}
	}
	return t
}

// telling begins the steps in which outcomes are told, which carry the trace on.
func (t *traced) telling(outcomes []outcome) {
	if len(t.decisions) == 0 {
		return
	}
	for i := range outcomes {
		o := &outcomes[i]
		d, is := t.decisions[o.cause.Sequence]
		if !is {
			continue
		}
		about := o.cause.About()
		about.Event, about.ID, about.Sequence = o.name, "", 0
		header, span := t.tracer.Outcome(d.ctx, t.worker, about)
		o.trace = header
		t.outcomes = append(t.outcomes, span)
	}
}

// told ends the steps of the outcomes.
func (t *traced) told(err error) {
	for _, span := range t.outcomes {
		span.End(err)
	}
	t.outcomes = nil
}

// end ends all steps.
func (t *traced) end(err error) {
	for _, d := range t.decisions {
		d.span.End(err)
	}
}
