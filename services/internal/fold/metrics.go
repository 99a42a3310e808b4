package fold

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what folds do, by worker. A nil *Metrics counts nothing.
type Metrics struct {
	events, outcomes, dead, restarts *prometheus.CounterVec
	batches                          *prometheus.HistogramVec
}

// NewMetrics registers the counters; one set serves all workers of a process.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		return register(registry, c)
	}
	return &Metrics{
		events:   counter("softphone_fold_events_total", "Events folded into state.", "worker"),
		outcomes: counter("softphone_fold_outcomes_total", "Outcomes told to the log.", "worker", "type"),
		dead:     counter("softphone_fold_dead_letters_total", "Events that could not be decided.", "worker"),
		restarts: counter("softphone_fold_restarts_total", "Tenures that ended, by reason.", "worker", "reason"),
		batches: register(registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "softphone_fold_batch_events", Help: "Events decided at once.", Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}, []string{"worker"})),
	}
}

// register adds a collector, or returns the one that is there: the workers of a
// standalone process share a registry.
func register[C prometheus.Collector](registry prometheus.Registerer, c C) C {
	var there prometheus.AlreadyRegisteredError
	if err := registry.Register(c); errors.As(err, &there) {
		if existing, ok := there.ExistingCollector.(C); ok {
			return existing
		}
	}
	return c
}

func (m *Metrics) folded(worker string, messages int, told []outcome, dead int) {
	if m == nil {
		return
	}
	m.events.WithLabelValues(worker).Add(float64(messages))
	m.batches.WithLabelValues(worker).Observe(float64(messages))
	m.dead.WithLabelValues(worker).Add(float64(dead))
	for _, o := range told {
		m.outcomes.WithLabelValues(worker, o.name).Inc()
	}
}

func (m *Metrics) restarted(worker string, err error) {
	if m == nil {
		return
	}
	m.restarts.WithLabelValues(worker, reason(err)).Inc()
}

func reason(err error) string {
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return "refused"
	case errors.Is(err, errFenced):
		return "fenced"
	case errors.Is(err, errTampered):
		return "tampered"
	}
	return "fault"
}
