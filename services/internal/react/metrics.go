package react

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// Metrics counts what reactors do, by durable. A nil *Metrics counts nothing.
type Metrics struct {
	attempts, dead                       *prometheus.CounterVec
	working, paused, waiting, unanswered *prometheus.GaugeVec
	handling, done                       *prometheus.HistogramVec
	queue                                *queueAge
}

// NewMetrics registers the metrics; one set serves all reactors of a process.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	gauge := func(name, help string) *prometheus.GaugeVec { return metric.Gauge(registry, name, help, metric.Worker) }
	return &Metrics{
		attempts: metric.Counter(registry, "softphone_react_attempts_total",
			"Deliveries that were handled, by result: handled, retry (this event later), paused (the far side is away), given_up, dead_letter.",
			metric.Worker, "result"),
		dead:       metric.DeadLetters(registry),
		working:    gauge("softphone_react_working", "Events being handled now."),
		paused:     gauge("softphone_react_paused", "1 while no work is done because the far side is away or refuses us: /readyz has its answer."),
		waiting:    gauge("softphone_react_waiting", "Events not yet delivered to any replica."),
		unanswered: gauge("softphone_react_unacknowledged", "Events delivered and not yet acknowledged: being handled or to be repeated."),
		handling: metric.Histogram(registry, "softphone_react_handling_seconds",
			"How long one attempt to handle an event takes.", metric.Prompt(), metric.Worker),
		done: metric.Histogram(registry, "softphone_react_done_seconds",
			"From when the log stored an event until it was handled, retries and pauses included.", metric.Patient(), metric.Worker),
		queue: metric.Register(registry, newQueueAge()),
	}
}

// begin shows the counters of a reactor as 0: to an alert, a counter that begins with 1
// has not increased.
func (m *Metrics) begin(worker string) {
	if m == nil {
		return
	}
	m.dead.WithLabelValues(worker)
	m.paused.WithLabelValues(worker)
	for _, result := range []outcome{handled, deadLettered, paused, postponed, givenUp} {
		m.attempts.WithLabelValues(worker, string(result))
	}
}

func (m *Metrics) started(worker string) {
	if m != nil {
		m.working.WithLabelValues(worker).Inc()
	}
}

// ended counts an attempt, how long it took, and the age of the event.
func (m *Metrics) ended(worker string, result outcome, took time.Duration, stored time.Time) {
	if m == nil {
		return
	}
	m.working.WithLabelValues(worker).Dec()
	m.attempts.WithLabelValues(worker, string(result)).Inc()
	m.handling.WithLabelValues(worker).Observe(took.Seconds())
	if result == handled {
		m.done.WithLabelValues(worker).Observe(max(0, time.Since(stored).Seconds()))
	}
}

func (m *Metrics) deadLettered(worker string) {
	if m != nil {
		m.dead.WithLabelValues(worker).Inc()
	}
}

func (m *Metrics) pausing(worker string, on bool) {
	if m != nil {
		m.paused.WithLabelValues(worker).Set(map[bool]float64{true: 1}[on])
	}
}

func (m *Metrics) looked(worker string, info *jetstream.ConsumerInfo, oldest time.Time) {
	if m != nil {
		m.waiting.WithLabelValues(worker).Set(float64(info.NumPending))
		m.unanswered.WithLabelValues(worker).Set(float64(info.NumAckPending))
		m.queue.set(worker, oldest)
	}
}

// queueAge shows the age of the oldest event that is not done, as of the scrape.
type queueAge struct {
	desc *prometheus.Desc

	mu     sync.Mutex
	oldest map[string]time.Time // by worker; the zero time: none waits
}

func newQueueAge() *queueAge {
	return &queueAge{
		desc: prometheus.NewDesc("softphone_react_queue_age_seconds",
			"Age of the oldest event that is not done, whether it waits, is handled or is to be repeated; 0 when none is.",
			[]string{metric.Worker}, nil),
		oldest: map[string]time.Time{},
	}
}

func (q *queueAge) set(worker string, oldest time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.oldest[worker] = oldest
}

// Describe is prometheus.Collector's.
func (q *queueAge) Describe(to chan<- *prometheus.Desc) { to <- q.desc }

// Collect is prometheus.Collector's.
func (q *queueAge) Collect(to chan<- prometheus.Metric) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for worker, oldest := range q.oldest {
		age := 0.0
		if !oldest.IsZero() {
			age = max(0, time.Since(oldest).Seconds())
		}
		to <- prometheus.MustNewConstMetric(q.desc, prometheus.GaugeValue, age, worker)
	}
}
