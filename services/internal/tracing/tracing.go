// Package tracing lets one look at the way of an event through the system: from who
// published it, through the decision and the outcome, to the e-mail. It is
// OpenTelemetry; package process says where spans are sent.
//
// An event carries the trace it belongs to in its header traceparent (W3C Trace
// Context), from which whoever handles it continues. An event without one is not
// traced: a worker begins no trace, only who publishes a fact does. A worker whose
// own tracing is off hands the header on as it is, so that a trace does not end
// there.
//
// Spans name tenant, extension, event and sequence. They never hold an address, a
// user name or the text of a server's answer.
package tracing

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/mycloudpbx/softphone/events"
)

const scope = "github.com/mycloudpbx/softphone"

// Tracer makes spans. The zero Tracer makes none, and costs nothing.
type Tracer struct{ of trace.Tracer }

// New makes a tracer of a provider's.
func New(provider trace.TracerProvider) Tracer { return Tracer{provider.Tracer(scope)} }

// On tells whether there is any use in asking for spans.
func (t Tracer) On() bool { return t.of != nil }

// Span is a step on an event's way. The zero Span is none.
type Span struct{ span trace.Span }

// About is the event that a step, or a line of the log, is about.
type About struct {
	Event     string // its name
	ID        string
	Tenant    string
	Extension string
	Sequence  uint64 // 0: it is not in the log yet
}

// MarshalZerologObject writes it into a line of the log.
func (a About) MarshalZerologObject(line *zerolog.Event) {
	line.Str("event", a.ID).Str("type", a.Event).Str("tenant", a.Tenant).Str("extension", a.Extension).Uint64("sequence", a.Sequence)
}

func (a About) attributes(worker, operation string) []attribute.KeyValue {
	all := []attribute.KeyValue{
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.type", operation),
		attribute.String("messaging.message.id", a.ID),
		attribute.String("softphone.event", a.Event),
		attribute.String("softphone.tenant", a.Tenant),
		attribute.String("softphone.extension", a.Extension),
	}
	if a.Sequence > 0 {
		all = append(all, attribute.Int64("softphone.sequence", int64(a.Sequence)))
	}
	if worker != "" {
		all = append(all, attribute.String("softphone.worker", worker))
	}
	return all
}

// Process begins the step in which a worker processes an event, and returns a context
// in which more steps follow from it. An event that carries no trace has none. Without
// a tracer there is no step either, but the context still knows the trace.
func (t Tracer) Process(ctx context.Context, h nats.Header, worker, verb string, about About) (context.Context, Span) {
	from := Of(h)
	if !from.IsValid() {
		return ctx, Span{}
	}
	ctx = trace.ContextWithRemoteSpanContext(ctx, from)
	if !t.On() {
		return ctx, Span{}
	}
	ctx, span := t.of.Start(ctx, verb+" "+about.Event,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(about.attributes(worker, "process")...))
	return ctx, Span{span}
}

// Publish begins the step in which a message is published, and writes its trace into
// the header. It continues the trace of the context; where there is none, a tracer
// begins one.
func (t Tracer) Publish(ctx context.Context, m *nats.Msg) Span {
	if !t.On() && !trace.SpanContextFromContext(ctx).IsValid() {
		return Span{}
	}
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	header, span := t.Outcome(ctx, "", published(m))
	m.Header.Set(events.HeaderTraceParent, header)
	return span
}

// Outcome is Publish for a message that is yet to be made: it returns what its header
// traceparent is to be.
func (t Tracer) Outcome(ctx context.Context, worker string, about About) (header string, span Span) {
	of := t.of
	if of == nil {
		of = trace.SpanFromContext(ctx).TracerProvider().Tracer(scope)
	}
	ctx, begun := of.Start(ctx, "publish "+about.Event,
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(about.attributes(worker, "send")...))
	return headerOf(trace.SpanContextFromContext(ctx)), Span{begun}
}

// published is what a message says of itself: softphone.<source>.<tenant>.<extension>.<Event>.
func published(m *nats.Msg) About {
	about := About{ID: m.Header.Get(events.HeaderMsgID)}
	if tokens := strings.Split(m.Subject, "."); len(tokens) == 5 {
		about.Tenant, about.Extension, about.Event = tokens[2], tokens[3], tokens[4]
	}
	return about
}

// Call begins a step of the context's trace in which a server outside is talked to. Without a trace there is none.
func Call(ctx context.Context, name, server string) (context.Context, Span) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, Span{}
	}
	ctx, span := trace.SpanFromContext(ctx).TracerProvider().Tracer(scope).Start(ctx, name,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("server.address", server)))
	return ctx, Span{span}
}

// End ends the step. Of an error only that there was one is told: its text may repeat an address.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
