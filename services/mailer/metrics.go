package mailer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// metrics counts what was told of mails. What servers answer is counted by package delivery.
type metrics struct{ emails *prometheus.CounterVec }

// results are what may be told of a mail, as a label.
func results() []string { return []string{"sent", "failed", "skipped", "deferred", "bounced"} }

func newMetrics(registry prometheus.Registerer) metrics {
	m := metrics{metric.Counter(registry, "softphone_emails_total",
		"E-mails by kind and what was told of them: sent (a server took it), failed (for good), skipped (no license), deferred "+
			"(tries that will be repeated, not all of which are told), bounced (it came back).", "kind", "result")}
	for _, kind := range []string{events.KindWelcome, events.KindPasswordChanged, events.KindDeviceLimitReached} {
		for _, result := range results() {
			m.emails.WithLabelValues(kind, result) // there from the beginning, as 0
		}
	}
	return m
}

// told counts an event about a mail that is in the log.
func (m metrics) told(data events.Data) {
	switch told := data.(type) {
	case events.EmailSent:
		m.emails.WithLabelValues(told.Kind, "sent").Inc()
	case events.EmailFailed:
		m.emails.WithLabelValues(told.Kind, "failed").Inc()
	case events.EmailSkipped:
		m.emails.WithLabelValues(told.Kind, "skipped").Inc()
	case events.EmailDeferred:
		m.emails.WithLabelValues(told.Kind, "deferred").Inc()
	case events.EmailBounced:
		m.emails.WithLabelValues(told.Kind, "bounced").Inc()
	}
}
