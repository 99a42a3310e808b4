package credential

import "github.com/prometheus/client_golang/prometheus"

// What a Hasher tells. A row is "known" or "others", see [Caller].
func descComputed() *prometheus.Desc {
	return prometheus.NewDesc("softphone_password_hashes_total", "Password hashes computed (argon2id), for sign-ins of any outcome and for new passwords.", nil, nil)
}

func descWaiting() *prometheus.Desc {
	return prometheus.NewDesc("softphone_password_hashes_waiting", "Passwords waiting to be computed, by the row they wait in.", []string{"row"}, nil)
}

func descRefused() *prometheus.Desc {
	return prometheus.NewDesc("softphone_password_hashes_refused_total", "Passwords not computed because too many waited, or for too long.", nil, nil)
}

// Describe is part of prometheus.Collector.
func (h *Hasher) Describe(to chan<- *prometheus.Desc) {
	to <- descComputed()
	to <- descWaiting()
	to <- descRefused()
}

// Collect is part of prometheus.Collector.
func (h *Hasher) Collect(to chan<- prometheus.Metric) {
	known, others, refused := h.turns.waiting()
	to <- prometheus.MustNewConstMetric(descComputed(), prometheus.CounterValue, float64(h.computed.Load()))
	to <- prometheus.MustNewConstMetric(descWaiting(), prometheus.GaugeValue, float64(known), "known")
	to <- prometheus.MustNewConstMetric(descWaiting(), prometheus.GaugeValue, float64(others), "others")
	to <- prometheus.MustNewConstMetric(descRefused(), prometheus.CounterValue, float64(refused))
}
