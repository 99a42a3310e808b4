package namesync

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// Results of a push, as a label.
const (
	resultTaken   = "taken"
	resultRefused = "refused"
	resultTrouble = "trouble"
	resultAway    = "away"
)

// metrics counts what goes to the directory.
type metrics struct {
	pushes  *prometheus.CounterVec
	seconds prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) metrics {
	m := metrics{
		pushes: metric.Counter(registry, "softphone_name_pushes_total",
			"Names offered to the outside directory, by result: taken, refused (this name never: a dead letter), trouble (this name "+
				"later), away (the directory is away or refuses us: nothing is pushed meanwhile).", "result"),
		seconds: metric.Register(registry, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "softphone_name_push_seconds", Help: "What the directory takes to answer a push.", Buckets: metric.Prompt(),
		})),
	}
	for _, result := range []string{resultTaken, resultRefused, resultTrouble, resultAway} {
		m.pushes.WithLabelValues(result)
	}
	return m
}

func (m metrics) pushed(err error, took time.Duration) {
	m.seconds.Observe(took.Seconds())
	result := resultTaken
	if failed, ok := errors.AsType[*postError](err); ok {
		switch failed.means() {
		case unwanted:
			result = resultRefused
		case away:
			result = resultAway
		default:
			result = resultTrouble
		}
	} else if err != nil {
		result = resultTrouble
	}
	m.pushes.WithLabelValues(result).Inc()
}
