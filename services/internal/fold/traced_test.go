package fold

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// With tracing off, its hooks in the path of every event cost no allocation, also of
// events that carry a trace; and counting a batch costs none at all.
func TestTracingOffIsFree(t *testing.T) {
	o := newOwner(Config{}, Rules[int]{Worker: "license"}, 0, nil)
	messages := make([]eventlog.Message, MaxBatch)
	outcomes := make([]outcome, MaxBatch)
	for i := range messages {
		messages[i] = eventlog.Message{
			Subject: "log.0.pbx.acme.1001.Add", Sequence: uint64(i + 1), Time: time.Now(),
			Header: nats.Header{events.HeaderTraceParent: {parent}},
		}
		outcomes[i] = outcome{cause: messages[i], name: "Sum"}
	}
	o.meter.folded(len(messages), outcomes) // makes the counter of the type
	err := errors.New("none")
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() {
		steps := o.traceDecisions(ctx, messages)
		steps.publishing(outcomes)
		steps.published(err)
		steps.end(err)
		o.meter.progress.started(messages[0].Time, 7)
		o.meter.folded(len(messages), outcomes)
	}); n != 0 {
		t.Errorf("%v allocations for a batch of %d events, want none", n, MaxBatch)
	}
}

// An outcome carries its cause's trace on, if that is one: the header comes from
// outside, and must not make an outcome that the log refuses.
func TestOutcomeCarriesTraceOn(t *testing.T) {
	for name, c := range map[string]struct {
		cause nats.Header
		want  string
	}{
		"a trace":        {nats.Header{events.HeaderTraceParent: {parent}}, parent},
		"none":           {nil, ""},
		"not one":        {nats.Header{events.HeaderTraceParent: {"00-short-01"}}, ""},
		"far too long":   {nats.Header{events.HeaderTraceParent: {parent + string(make([]byte, 70<<10))}}, ""},
		"two of them":    {nats.Header{events.HeaderTraceParent: {parent, parent}}, ""},
		"with a newline": {nats.Header{events.HeaderTraceParent: {parent[:54] + "\n"}}, ""},
	} {
		o := outcome{cause: eventlog.Message{Sequence: 7, Header: c.cause}, causeID: "id"}
		if got := o.message().Header.Get(events.HeaderTraceParent); got != c.want {
			t.Errorf("%s: the outcome carries %.80q, want %q", name, got, c.want)
		}
	}
}
