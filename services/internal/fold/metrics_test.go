package fold_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// What a run with a dead letter and a Redis that was emptied leaves in the metrics:
// outcomes and dead letters are counted once, although all is folded twice.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	w.metrics = fold.NewMetrics(registry)
	w.add(1, 0, poison, 2)
	stop, _ := w.own(nil)
	w.settled(10 * time.Second)
	w.redis.Empty()
	w.settled(10 * time.Second)
	w.add(3)
	w.settled(10 * time.Second)

	want := `
# HELP softphone_dead_letters_total Events that were put aside because they cannot be processed, each counted once. ` + "`softphonectl dead-letters list`" + ` shows them.
# TYPE softphone_dead_letters_total counter
softphone_dead_letters_total{worker="license"} 1
# HELP softphone_fold_heals_total Times a partition was refolded because Redis had lost its state, or an older copy was put back.
# TYPE softphone_fold_heals_total counter
softphone_fold_heals_total{worker="license"} 1
# HELP softphone_fold_outcomes_total Outcomes published to the log, by event type.
# TYPE softphone_fold_outcomes_total counter
softphone_fold_outcomes_total{type="LicenseRevoked",worker="license"} 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"softphone_dead_letters_total", "softphone_fold_heals_total", "softphone_fold_outcomes_total"); err != nil {
		t.Error(err)
	}
	for name, series := range map[string]int{
		"softphone_fold_decision_seconds": 1, "softphone_fold_batch_events": 1, "softphone_fold_restarts_total": 5,
		"softphone_fold_lag_events": 1, "softphone_fold_lag_seconds": 1, "softphone_fold_checkpoint_age_seconds": 1,
	} {
		if got, err := testutil.GatherAndCount(registry, name); err != nil || got != series {
			t.Errorf("%s has %d series, want %d (%v)", name, got, series, err)
		}
	}
	stop()
	if got, err := testutil.GatherAndCount(registry, "softphone_fold_lag_seconds"); err != nil || got != 0 {
		t.Errorf("who owns nothing shows a lag: %d series (%v)", got, err)
	}
}

// An owner that cannot commit has a lag and a checkpoint that grow older.
func TestLagWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	w.metrics = fold.NewMetrics(registry)
	w.own(nil)
	w.add(1)
	w.settled(10 * time.Second)
	if lag := gauge(t, registry, "softphone_fold_lag_seconds"); lag != 0 {
		t.Errorf("a lag of %v with nothing to do", lag)
	}
	w.redis.Stop()
	w.add(1)
	w.await("a lag and an old checkpoint", func() bool {
		return gauge(t, registry, "softphone_fold_lag_seconds") > 0.5 && gauge(t, registry, "softphone_fold_checkpoint_age_seconds") > 0.5
	})
	w.redis.Start()
	w.settled(20 * time.Second)
	w.await("no lag", func() bool { return gauge(t, registry, "softphone_fold_lag_seconds") == 0 })
}

// gauge is the value of the only series of a gauge.
func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name && len(family.GetMetric()) == 1 {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("not one series of %s", name)
	return 0
}

// An owner that folds what is of the past while more waits says so, and says when that
// is over.
func TestSaysThatItIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.late = time.Nanosecond
	w.add(ones(fold.MaxBatch + 1)...)
	_, reports := w.own(nil)
	behind := false
	for timeout := time.After(20 * time.Second); ; {
		select {
		case fault := <-reports:
			if fault != nil && strings.Contains(fault.Error(), "is behind") {
				behind = true
			} else if fault == nil && behind {
				return
			}
		case <-timeout:
			t.Fatalf("was behind: %v, and not told that it is over", behind)
		}
	}
}
