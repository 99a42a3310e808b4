package mailer

import (
	"cmp"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/metric"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

// senders keeps which tenants' own senders the mail servers refuse. The mails of such a
// sender wait, as all mails do in a pause: no attempt is counted, nothing is published, and
// one mail at a time probes whether it is over. All other mails go on.
type senders struct {
	logger zerolog.Logger
	count  prometheus.Gauge
	pauses react.Bounds // between probes of one sender

	mu      sync.Mutex
	refused map[string]*refusal // by address
}

// refusal of one sender.
type refusal struct {
	pauses *backoff.ExponentialBackOff
	next   time.Time // when a mail may probe whether it is over
	why    error
}

func newSenders(c Config) *senders {
	return &senders{
		logger: c.Host.Log, pauses: cmp.Or(c.Recover, react.Bounds{First: 5 * time.Second, Max: 5 * time.Minute}),
		count: metric.Register(c.Host.Metrics, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "softphone_mailer_senders_refused", Help: "Senders of tenants' brands that the mail servers refuse: their mails wait.",
		})),
		refused: map[string]*refusal{},
	}
}

// enter says for how long a mail of a sender has to wait, and why; 0: it may go. While
// the probe of a refused sender is on its way the others wait, for at most a pause.
func (s *senders) enter(sender string) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refused[sender]
	if r == nil {
		return 0, nil
	}
	if wait := time.Until(r.next); wait > 0 {
		return wait, r.why
	}
	r.next = time.Now().Add(r.pauses.NextBackOff())
	return 0, nil
}

// refuse makes the mails of a sender wait, and returns for how long.
func (s *senders) refuse(sender, tenant string, why error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.refused[sender]
	if r == nil {
		r = &refusal{pauses: s.pauses.Backoff()}
		r.next = time.Now().Add(r.pauses.NextBackOff())
		s.refused[sender] = r
		s.count.Inc()
		s.logger.Warn().Err(why).Str("sender", sender).Str("tenant", tenant).
			Msg("a sender is refused: its mails wait, all others are sent")
	}
	r.why = why
	return max(time.Until(r.next), 0)
}

// taken records that a server took a mail of a sender.
func (s *senders) taken(sender string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused[sender] == nil {
		return
	}
	delete(s.refused, sender)
	s.count.Dec()
	s.logger.Info().Str("sender", sender).Msg("a sender is accepted again")
}

// reason why the mails of a sender wait; empty when they do not.
func (s *senders) reason(sender string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.refused[sender]; r != nil {
		return reason(r.why.Error())
	}
	return ""
}
