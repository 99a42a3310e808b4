package delivery

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// Metrics counts what goes to SMTP servers, by server (host:port). A nil *Metrics
// counts nothing.
type Metrics struct {
	sends            *prometheus.CounterVec
	seconds          *prometheus.HistogramVec
	opened           *prometheus.CounterVec
	open, isDown     *prometheus.GaugeVec
	limited, retried prometheus.Counter
}

// NewMetrics registers the metrics; one set serves all clients of a process.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	const space = "softphone_mailer_"
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return metric.Register(registry, prometheus.NewCounterVec(prometheus.CounterOpts{Name: space + name, Help: help}, labels))
	}
	counter := func(name, help string) prometheus.Counter {
		return metric.Register(registry, prometheus.NewCounter(prometheus.CounterOpts{Name: space + name, Help: help}))
	}
	gauges := func(name, help string) *prometheus.GaugeVec {
		return metric.Register(registry, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: space + name, Help: help}, []string{"server"}))
	}
	return &Metrics{
		sends: counters("sends_total",
			"Mails offered to a server, by the code of its answer (none: no answer) and the verdict (accepted, temporary, final, unavailable, sender_refused).",
			"server", "code", "verdict"),
		seconds: metric.Register(registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: space + "send_seconds", Help: "From MAIL to the answer to the final dot, or to a refusal.",
			Buckets: []float64{.001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"server"})),
		opened:  counters("connections_opened_total", "Connections opened to a server.", "server"),
		open:    gauges("connections", "Connections open to a server, idle ones too."),
		isDown:  gauges("server_down", "1 while no mail goes to a server, because it could not be reached or refused us."),
		limited: counter("domain_limited_total", "Mails deferred because their recipient's domain had its share of the connections."),
		retried: counter("connections_stale_total", "Mails that found their connection ended and went on a fresh one at once."),
	}
}

// meter counts for one server.
type meter struct {
	*Metrics
	server string
}

func (m meter) opened() {
	if m.Metrics != nil {
		m.Metrics.opened.WithLabelValues(m.server).Inc()
		m.open.WithLabelValues(m.server).Inc()
	}
}

func (m meter) closed() {
	if m.Metrics != nil {
		m.open.WithLabelValues(m.server).Dec()
	}
}

// sent counts a mail that was offered, and err its end.
func (m meter) sent(took time.Duration, err error) {
	if m.Metrics == nil {
		return
	}
	m.seconds.WithLabelValues(m.server).Observe(took.Seconds())
	m.ended(err)
}

// ended counts the end of a mail, also when no connection could be opened for it.
func (m meter) ended(err error) {
	if m.Metrics == nil {
		return
	}
	code, verdict := "250", "accepted"
	if err != nil {
		failure, judged := errors.AsType[*Failure](err)
		if !judged { // canceled
			return
		}
		code, verdict = "none", failure.Verdict.String()
		if failure.Code != 0 {
			code = strconv.Itoa(failure.Code)
		}
	}
	m.sends.WithLabelValues(m.server, code, verdict).Inc()
}

func (m meter) down(on bool) {
	if m.Metrics != nil {
		m.isDown.WithLabelValues(m.server).Set(map[bool]float64{true: 1}[on])
	}
}

func (m meter) stale() {
	if m.Metrics != nil {
		m.retried.Inc()
	}
}

func (m *Metrics) busy() {
	if m != nil {
		m.limited.Inc()
	}
}
