package namesync

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// A name that the log's leader does not have yet, for it was delivered by a server that
// was ahead of it: no older one is pushed in its place, and the name is not given up. It
// comes again, and is pushed.
func TestNameBeyondTheEndOfTheLog(t *testing.T) {
	t.Parallel()
	for what, before := range map[string]int{"a first name": 0, "a later name": 1} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := workertest.New(t)
			d := newDirectory(t)
			hook, err := newWebhook(d.config())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(hook.close)
			p := &pusher{log: w.Log, hook: hook, logger: zerolog.Nop(), metrics: newMetrics(prometheus.NewRegistry())}
			x := workertest.Extension()
			cause := w.Publish(rename(x, "Ada"))
			outcome := func(name string) *nats.Msg {
				return workertest.Outcome(t, events.NameSync, rename(x, name), cause, events.SoftphoneRenamed{Name: name})
			}
			state, err := w.Log.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			sequence := state.Last
			for range before {
				sequence = w.Store(outcome("Ada"))
			}
			next := outcome("Ada Lovelace")
			delivery := react.Delivery{Attempt: 1, Delivered: 1, Message: eventlog.Message{
				Subject:  events.LogSubject(events.PartitionOf(x.Tenant), events.NameSync, x.Tenant, x.Number, events.SoftphoneRenamed{}.EventName()),
				Sequence: sequence + 1, Time: time.Now(), Header: next.Header, Data: next.Data,
			}}
			if err := p.handle(t.Context(), delivery); !errors.Is(err, eventlog.ErrBehind) {
				t.Errorf("%v, want %v", err, eventlog.ErrBehind)
			}
			if got := d.got(); len(got) != 0 {
				t.Errorf("pushed %+v", got)
			}
			if stored := w.Store(next); stored != delivery.Sequence {
				t.Fatalf("stored at %d, want %d", stored, delivery.Sequence)
			}
			if err := p.handle(t.Context(), delivery); err != nil {
				t.Error(err)
			}
			if got := d.got(); len(got) != 1 || d.name(x) != "Ada Lovelace" {
				t.Errorf("%d requests, the name is %q", len(got), d.name(x))
			}
		})
	}
}
