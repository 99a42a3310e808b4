package fold

import (
	"context"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// traced is the spans of a batch, in the traces of its events. It is empty without a tracer, or without an event that
// carries a trace.
type traced struct {
	tracer    tracing.Tracer
	worker    string
	decisions map[uint64]decision // by sequence
	outcomes  []tracing.Span
}

type decision struct {
	ctx  context.Context // of the spans below it
	span tracing.Span
}

// traceDecisions starts the spans of the decisions.
func (o *owner[S]) traceDecisions(ctx context.Context, messages []eventlog.Message) traced {
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

// publishing starts the spans of the publications. The outcomes carry them on.
func (t *traced) publishing(outcomes []outcome) {
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

// published ends the spans of the publications.
func (t *traced) published(err error) {
	for _, span := range t.outcomes {
		span.End(err)
	}
	t.outcomes = nil
}

// end ends the spans of the decisions.
func (t *traced) end(err error) {
	for _, d := range t.decisions {
		d.span.End(err)
	}
}
