package mailer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// metrics counts the events about mails. Package delivery counts what servers answer.
type metrics struct{ emails *prometheus.CounterVec }

// results are the values of the label result.
func results() []string { return []string{"sent", "failed", "skipped", "deferred", "bounced"} }

func newMetrics(registry prometheus.Registerer) metrics {
	m := metrics{metric.Counter(registry, "softphone_emails_total",
		"E-mails by kind and what was published of them: sent (a server took it), failed (for good), skipped (no license), deferred "+
			"(attempts that will be repeated, of which not all are published), bounced (it came back).", "kind", "result")}
	for _, kind := range []string{events.KindWelcome, events.KindPasswordChanged, events.KindDeviceLimitReached} {
		for _, result := range results() {
			m.emails.WithLabelValues(kind, result) // there from the beginning, as 0
		}
	}
	return m
}

// published counts an event about a mail that is in the log.
func (m metrics) published(data events.Data) {
	switch published := data.(type) {
	case events.EmailSent:
		m.emails.WithLabelValues(published.Kind, "sent").Inc()
	case events.EmailFailed:
		m.emails.WithLabelValues(published.Kind, "failed").Inc()
	case events.EmailSkipped:
		m.emails.WithLabelValues(published.Kind, "skipped").Inc()
	case events.EmailDeferred:
		m.emails.WithLabelValues(published.Kind, "deferred").Inc()
	case events.EmailBounced:
		m.emails.WithLabelValues(published.Kind, "bounced").Inc()
	}
}
