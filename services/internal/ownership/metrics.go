package ownership

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// metrics may be nil: then nothing is counted.
type metrics struct {
	owned   *prometheus.GaugeVec
	changes *prometheus.CounterVec
}

// newMetrics registers them; all workers of a process share one set.
func newMetrics(registry prometheus.Registerer) *metrics {
	if registry == nil {
		return nil
	}
	return &metrics{
		owned: metric.Gauge(registry, "softphone_owned_partitions",
			"Partitions this replica owns. Over all replicas of a worker they are 16.", metric.Worker),
		changes: metric.Counter(registry, "softphone_ownership_changes_total",
			"Partitions taken and given_up.", metric.Worker, "change"),
	}
}

// begin shows them with 0.
func (m *metrics) begin(worker string) {
	if m == nil {
		return
	}
	m.owned.WithLabelValues(worker)
	for _, change := range []string{taken, givenUp} {
		m.changes.WithLabelValues(worker, change)
	}
}

// What may become of a partition, as a label.
const (
	taken   = "taken"
	givenUp = "given_up"
)

func (m *metrics) change(worker, change string, owned int) {
	if m == nil {
		return
	}
	m.owned.WithLabelValues(worker).Set(float64(owned))
	m.changes.WithLabelValues(worker, change).Inc()
}
