package ask

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// Results of a question, as a label.
const (
	resultCurrent = "current"
	resultBehind  = "behind"
	resultWrong   = "wrong"
	resultLater   = "later"
)

// metrics counts the questions of a service.
type metrics struct {
	worker    string
	questions *prometheus.CounterVec
	seconds   prometheus.Observer
}

func newMetrics(registry prometheus.Registerer, worker string) metrics {
	m := metrics{
		worker: worker,
		questions: metric.Counter(registry, "softphone_questions_total",
			"Questions on ask.<worker>.get, by result: current, behind (answered, but the state is not of now), wrong (no "+
				"question: the asker is at fault), later (no answer: a server is away).", metric.Worker, "result"),
		seconds: metric.Histogram(registry, "softphone_question_seconds",
			"What it takes to answer a question.", metric.Prompt(), metric.Worker).WithLabelValues(worker),
	}
	for _, result := range []string{resultCurrent, resultBehind, resultWrong, resultLater} {
		m.questions.WithLabelValues(worker, result)
	}
	return m
}

func (m metrics) count(result string) { m.questions.WithLabelValues(m.worker, result).Inc() }

func (m metrics) took(since time.Time) { m.seconds.Observe(time.Since(since).Seconds()) }
