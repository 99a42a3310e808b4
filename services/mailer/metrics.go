package mailer

import (
	"encoding/json"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// metrics counts what was told of mails. What servers answer is counted by package delivery.
type metrics struct{ emails *prometheus.CounterVec }

// results are what may be told of a mail, as a label, by the event that tells it.
func results() map[string]string {
	return map[string]string{
		events.EmailSent{}.EventName():     "sent",
		events.EmailFailed{}.EventName():   "failed",
		events.EmailSkipped{}.EventName():  "skipped",
		events.EmailDeferred{}.EventName(): "deferred",
		events.EmailBounced{}.EventName():  "bounced",
	}
}

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
func (m metrics) told(event *nats.Msg) {
	var body struct{ Data struct{ Kind string } }
	name := event.Subject[strings.LastIndexByte(event.Subject, '.')+1:]
	if result := results()[name]; result != "" && json.Unmarshal(event.Data, &body) == nil {
		m.emails.WithLabelValues(body.Data.Kind, result).Inc()
	}
}
