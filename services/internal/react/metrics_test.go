package react_test

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/react"
)

// While the first event is to be repeated, the queue has its age; when all is done,
// none, and every delivery was counted by its result.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	config := w.config()
	config.Metrics, config.Check = react.NewMetrics(registry), 20*time.Millisecond
	release := make(chan struct{})
	w.publish(0, 3)
	w.run(config, func(_ context.Context, d react.Delivery) error {
		switch string(d.Data) {
		case "0":
			select {
			case <-release:
			default:
				return errFar
			}
		case "1":
			return react.Permanent(errFar)
		}
		return nil
	})
	eventually(t, "the queue has an age", func() bool { return value(t, registry, "softphone_react_queue_age_seconds", "") > 0 })
	eventually(t, "a retry", func() bool { return value(t, registry, "softphone_react_attempts_total", "retry") >= 1 })
	close(release)
	w.settled()
	eventually(t, "the queue is empty", func() bool { return value(t, registry, "softphone_react_queue_age_seconds", "") == 0 })

	for result, want := range map[string]float64{"handled": 2, "dead_letter": 1, "paused": 0} {
		if got := value(t, registry, "softphone_react_attempts_total", result); got != want {
			t.Errorf("%v attempts were %s, want %v", got, result, want)
		}
	}
	if got := value(t, registry, "softphone_react_attempts_total", "retry"); got < 1 {
		t.Errorf("%v retries", got)
	}
	if got := value(t, registry, "softphone_dead_letters_total", ""); got != 1 {
		t.Errorf("%v dead letters, want 1", got)
	}
}

// value is that of the series whose label "result" is as said.
func value(t *testing.T, registry *prometheus.Registry, name, result string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if result == "" || label.GetName() == "result" && label.GetValue() == result {
					return m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return 0
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}
