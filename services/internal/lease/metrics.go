package lease

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
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
		held: metric.Gauge(registry, "softphone_lease_partitions",
			"Partitions this replica owns. Over all replicas of a worker they are 16.", metric.Worker),
		changes: metric.Counter(registry, "softphone_lease_changes_total",
			"Partitions taken, given_up and lost; lost ones were not renewed in time.", metric.Worker, "change"),
	}
}

// begin shows them with 0.
func (m *metrics) begin(worker string) {
	if m == nil {
		return
	}
	m.held.WithLabelValues(worker)
	for _, change := range []string{taken, givenUp, lost} {
		m.changes.WithLabelValues(worker, change)
	}
}

// What may become of a partition, as a label.
const (
	taken   = "taken"
	givenUp = "given_up"
	lost    = "lost"
)

func (m *metrics) change(worker, change string, held int) {
	if m == nil {
		return
	}
	m.held.WithLabelValues(worker).Set(float64(held))
	m.changes.WithLabelValues(worker, change).Inc()
}
