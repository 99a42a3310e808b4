// Package metric makes the Prometheus metrics of the runtime. Several workers of
// one process share a registry and a set of metrics, which tell them apart by the
// label "worker"; so whoever asks for a metric that is there is given that one.
//
// Names begin with softphone_ and end with their unit: _total for what only grows,
// _seconds, _bytes. Labels are few and bounded: never a tenant, an extension, an
// address or an error's text, which belong into log lines and traces.
package metric

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Worker is the label that tells the workers of a process apart.
const Worker = "worker"

// Register adds a collector to a registry, or returns the one that is there. A nil
// registry takes none: what is counted then is seen by nobody.
func Register[C prometheus.Collector](registry prometheus.Registerer, c C) C {
	if registry == nil {
		return c
	}
	var there prometheus.AlreadyRegisteredError
	if err := registry.Register(c); errors.As(err, &there) {
		if existing, ok := there.ExistingCollector.(C); ok {
			return existing
		}
	}
	return c
}

// Counter counts what only grows.
func Counter(registry prometheus.Registerer, name, help string, labels ...string) *prometheus.CounterVec {
	return Register(registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels))
}

// Gauge shows what goes up and down.
func Gauge(registry prometheus.Registerer, name, help string, labels ...string) *prometheus.GaugeVec {
	return Register(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels))
}

// Histogram sorts what it is told into buckets.
func Histogram(registry prometheus.Registerer, name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return Register(registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels))
}

// DeadLetters counts, by worker, the events that could not be processed. Folds and
// reactors share it.
func DeadLetters(registry prometheus.Registerer) *prometheus.CounterVec {
	return Counter(registry, "softphone_dead_letters_total",
		"Events that were put aside because they cannot be processed, each counted once. `softphonectl dead-letters list` shows them.", Worker)
}

// Prompt are buckets, in seconds, for what a person waits for.
func Prompt() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

// Patient are buckets, in seconds, for what is repeated until it succeeds, for days if need be.
func Patient() []float64 {
	return []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600}
}
