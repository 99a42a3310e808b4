package tracing

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/mycloudpbx/softphone/events"
)

// length of a traceparent of version 00: 00-<32 hex>-<16 hex>-<2 hex>.
const length = 2 + 1 + 32 + 1 + 16 + 1 + 2

// Header is the traceparent of a header if it is one, and "" otherwise: it may come
// from anybody, and is written on into other messages.
func Header(h nats.Header) string {
	values := h[events.HeaderTraceParent]
	if len(values) != 1 || !wellFormed(values[0]) {
		return ""
	}
	return values[0]
}

func wellFormed(value string) bool {
	if len(value) != length || value[2] != '-' || value[35] != '-' || value[52] != '-' {
		return false
	}
	return strings.Trim(value, "0123456789abcdef-") == "" && strings.Count(value, "-") == 3 && strings.HasPrefix(value, "00")
}

// Of is the span that a header names; one that is not valid when it names none.
func Of(h nats.Header) trace.SpanContext {
	value := Header(h)
	if value == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": value})
	return trace.SpanContextFromContext(ctx)
}

// headerOf is the header that names a span; "" for none.
func headerOf(span trace.SpanContext) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	return carrier["traceparent"]
}
