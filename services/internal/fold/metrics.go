package fold

import (
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// Metrics counts what folds do, by worker. A nil *Metrics counts nothing.
type Metrics struct {
	events, outcomes, dead, restarts, heals *prometheus.CounterVec
	batches, decisions                      *prometheus.HistogramVec
	progress                                *gauges
}

// NewMetrics registers the metrics; one set serves all workers of a process.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	return &Metrics{
		events: metric.Counter(registry, "softphone_fold_events_total",
			"Events folded into state.", metric.Worker),
		outcomes: metric.Counter(registry, "softphone_fold_outcomes_total",
			"Outcomes published to the log, by event type.", metric.Worker, "type"),
		dead: metric.DeadLetters(registry),
		restarts: metric.Counter(registry, "softphone_fold_restarts_total",
			"Terms of owners that ended, by reason: fenced (Redis is not as the owner left it), overtaken (the log refused an "+
				"outcome, there is a newer owner), tampered (a state in Redis was changed by hand), refused (wrong log: see "+
				"/healthz), fault (a server was down).", metric.Worker, "reason"),
		heals: metric.Counter(registry, "softphone_fold_heals_total",
			"Times a partition was refolded because Redis had lost its state, or an older copy was put back.", metric.Worker),
		batches: metric.Histogram(registry, "softphone_fold_batch_events",
			"Events decided and committed together.", prometheus.ExponentialBuckets(1, 2, 10), metric.Worker),
		decisions: metric.Histogram(registry, "softphone_fold_decision_seconds",
			"Time from when the log stored an event until its outcome was stored and committed.", metric.Prompt(), metric.Worker),
		progress: metric.Register(registry, newGauges()),
	}
}

// Reasons why a term ended, as a label.
const (
	becauseRefused   = "refused"
	becauseFenced    = "fenced"
	becauseOvertaken = "overtaken"
	becauseTampered  = "tampered"
	becauseFault     = "fault"
)

func reason(err error) string {
	switch {
	case Refused(err):
		return becauseRefused
	case errors.Is(err, errFenced):
		return becauseFenced
	case errors.Is(err, errTampered):
		return becauseTampered
	case overtaken(err):
		return becauseOvertaken
	}
	return becauseFault
}

// overtaken reports whether the server refused an outcome because its fence is no longer the last.
func overtaken(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.Description, "wrong last sequence")
}

// meter counts for one owner. It looks its counters up once: counting a batch takes no lock and allocates nothing.
type meter struct {
	worker              string
	outcomes            *prometheus.CounterVec
	byType              map[string]prometheus.Counter
	events, dead, heals prometheus.Counter
	restarts            *prometheus.CounterVec
	batches, decisions  prometheus.Observer
	progress            progress
	shown               *gauges
	owned               owned
}

// of makes the meter of an owner, and shows it until it is closed. Counters that alerts read start at 0: if one appeared
// with the value 1, no alert would see an increase.
func (m *Metrics) of(worker string, partition int) *meter {
	if m == nil {
		m = NewMetrics(nil)
	}
	for _, reason := range []string{becauseRefused, becauseFenced, becauseOvertaken, becauseTampered, becauseFault} {
		m.restarts.WithLabelValues(worker, reason)
	}
	o := &meter{
		worker: worker, outcomes: m.outcomes, byType: map[string]prometheus.Counter{},
		events: m.events.WithLabelValues(worker), dead: m.dead.WithLabelValues(worker), heals: m.heals.WithLabelValues(worker),
		restarts: m.restarts, batches: m.batches.WithLabelValues(worker), decisions: m.decisions.WithLabelValues(worker),
		shown: m.progress, owned: owned{worker, partition},
	}
	o.progress.verified(time.Now())
	m.progress.show(o.owned, &o.progress)
	return o
}

func (o *meter) close() { o.shown.hide(o.owned, &o.progress) }

// folded counts a batch that was committed.
func (o *meter) folded(messages int, published []outcome) {
	now := time.Now()
	o.events.Add(float64(messages))
	o.batches.Observe(float64(messages))
	for i := range published {
		counter := o.byType[published[i].name]
		if counter == nil {
			counter = o.outcomes.WithLabelValues(o.worker, published[i].name)
			o.byType[published[i].name] = counter
		}
		counter.Inc()
		o.decisions.Observe(max(0, now.Sub(published[i].cause.Time).Seconds()))
	}
	o.progress.committed(now)
}

func (o *meter) restarted(err error) { o.restarts.WithLabelValues(o.worker, reason(err)).Inc() }
