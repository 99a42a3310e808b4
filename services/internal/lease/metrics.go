package lease

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics may be nil: then nothing is counted.
type metrics struct {
	held    *prometheus.GaugeVec
	changes *prometheus.CounterVec
}

// newMetrics registers them; all workers of a process share one set.
func newMetrics(registry prometheus.Registerer) *metrics {
	if registry == nil {
		return nil
	}
	return &metrics{
		held: register(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "softphone_lease_partitions", Help: "Partitions this replica owns.",
		}, []string{"worker"})),
		changes: register(registry, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "softphone_lease_changes_total", Help: "Partitions taken, given up and lost.",
		}, []string{"worker", "change"})),
	}
}

func register[C prometheus.Collector](registry prometheus.Registerer, c C) C {
	var there prometheus.AlreadyRegisteredError
	if err := registry.Register(c); errors.As(err, &there) {
		return there.ExistingCollector.(C)
	}
	return c
}

func (m *metrics) change(worker, change string, held int) {
	if m == nil {
		return
	}
	m.held.WithLabelValues(worker).Set(float64(held))
	m.changes.WithLabelValues(worker, change).Inc()
}
