package react

import (
	"errors"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what reactors do, by durable. A nil *Metrics counts nothing.
type Metrics struct {
	attempts                             *prometheus.CounterVec
	working, paused, waiting, unanswered *prometheus.GaugeVec
}

// NewMetrics registers the metrics; one set serves all reactors of a process.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return register(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"worker"}))
	}
	return &Metrics{
		attempts: register(registry, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "softphone_react_attempts_total", Help: "Handled deliveries, by result.",
		}, []string{"worker", "result"})),
		working:    gauge("softphone_react_working", "Events being handled now."),
		paused:     gauge("softphone_react_paused", "1 while the far side is away."),
		waiting:    gauge("softphone_react_waiting", "Events not yet delivered."),
		unanswered: gauge("softphone_react_unacknowledged", "Events delivered and not yet acknowledged: being handled or to be repeated."),
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

func (m *Metrics) started(worker string) {
	if m != nil {
		m.working.WithLabelValues(worker).Inc()
	}
}

func (m *Metrics) ended(worker string, result outcome) {
	if m != nil {
		m.working.WithLabelValues(worker).Dec()
		m.attempts.WithLabelValues(worker, string(result)).Inc()
	}
}

func (m *Metrics) pausing(worker string, on bool) {
	if m != nil {
		m.paused.WithLabelValues(worker).Set(map[bool]float64{true: 1}[on])
	}
}

func (m *Metrics) looked(worker string, info *jetstream.ConsumerInfo) {
	if m != nil {
		m.waiting.WithLabelValues(worker).Set(float64(info.NumPending))
		m.unanswered.WithLabelValues(worker).Set(float64(info.NumAckPending))
	}
}
