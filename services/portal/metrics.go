package portal

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/events"
)

// What becomes of a sign-in, as it is counted.
const (
	signInActivated    = "activated"     // the device took a seat
	signInRecognized   = "recognized"    // it has one
	signInLimitReached = "limit_reached" // there is none left
	signInRefused      = "refused"       // the license ended meanwhile
	signInWrong        = "wrong"         // unknown, disabled or the wrong password
	signInThrottled    = "throttled"     // too many failed before
	signInInvalid      = "invalid"       // not described as it should be
	signInUnavailable  = "unavailable"   // something needed is away or slow, or too many passwords wait
	signInAbandoned    = "abandoned"     // the caller went away
)

func signInOutcomes() []string {
	return []string{
		signInActivated, signInRecognized, signInLimitReached, signInRefused, signInWrong, signInThrottled,
		signInInvalid, signInUnavailable, signInAbandoned,
	}
}

// metrics count what the operations do. No label names a person or an address.
type metrics struct {
	signIns *prometheus.CounterVec
	took    *prometheus.HistogramVec
	limited *prometheus.CounterVec
	streams prometheus.Gauge
}

// limitNames are what there is a limit of, as it is counted.
func limitNames() []string {
	return []string{"streams-watcher", "streams-extension", "streams-process", "sign-ins", "refusals", "emails", "address-changes"}
}

// newMetrics registers them, where there is a registry.
func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "softphone_sign_ins_total", Help: "Sign-ins of devices, by what became of them.",
		}, []string{"outcome"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "softphone_sign_in_duration_seconds", Help: "How long sign-ins took, by what became of them.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"outcome"}),
	}
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "softphone_limited_total", Help: "Requests that were refused, or not stored, because there were too many, by the limit.",
	}, []string{"limit"})
	m.streams = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "softphone_streams", Help: "Server-sent streams that are open, of pages and of devices.",
	})
	for _, limit := range limitNames() {
		m.limited.WithLabelValues(limit)
	}
	for _, outcome := range signInOutcomes() { // there from the beginning, as 0
		m.signIns.WithLabelValues(outcome)
		m.took.WithLabelValues(outcome)
	}
	if registry != nil {
		registry.MustRegister(m.signIns, m.took, m.limited, m.streams)
	}
	return m
}

func (m *metrics) signedIn(outcome string, began time.Time) {
	m.signIns.WithLabelValues(outcome).Inc()
	m.took.WithLabelValues(outcome).Observe(time.Since(began).Seconds())
}

// outcomeOf is what became of a sign-in that ended with an error.
func outcomeOf(ctx context.Context, err error) string {
	if _, is := errors.AsType[*LimitReached](err); is {
		return signInLimitReached
	}
	if _, is := errors.AsType[*TooMany](err); is {
		return signInThrottled
	}
	if _, is := errors.AsType[*events.FieldError](err); is {
		return signInInvalid
	}
	switch {
	case errors.Is(err, errSeatRefused):
		return signInRefused
	case errors.Is(err, ErrUnauthorized):
		return signInWrong
	case ctx.Err() != nil:
		return signInAbandoned
	}
	return signInUnavailable
}
