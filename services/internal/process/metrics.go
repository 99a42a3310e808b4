package process

import (
	"cmp"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// newBuildInfo is a metric that is always 1 and whose labels say what runs. The version is what the operator calls it, or
// else the module's, which is "(devel)" for one that was built from a work tree.
func newBuildInfo(version string) prometheus.Collector {
	build, known := debug.ReadBuildInfo()
	if !known {
		build = &debug.BuildInfo{}
	}
	revision := ""
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "softphone_build_info", Help: "Always 1; its labels say what runs.",
		ConstLabels: prometheus.Labels{
			"version": cmp.Or(version, build.Main.Version), "revision": revision, "goversion": build.GoVersion,
		},
	})
	g.Set(1)
	return g
}

// healthMetrics shows Health as it is when somebody looks. The reasons are not in it: they are on /healthz and /readyz.
type healthMetrics struct {
	health           *Health
	broken, notReady *prometheus.Desc
}

func newHealthMetrics(h *Health) *healthMetrics {
	return &healthMetrics{
		health: h,
		broken: prometheus.NewDesc("softphone_part_broken",
			"1 while a part of the process needs a person: /healthz has the reason and what to do.", []string{"part"}, nil),
		notReady: prometheus.NewDesc("softphone_part_not_ready",
			"1 while a part of the process cannot work just now, broken ones included: /readyz has the reason.", []string{"part"}, nil),
	}
}

// Describe is prometheus.Collector's.
func (m *healthMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.broken
	to <- m.notReady
}

// Collect is prometheus.Collector's.
func (m *healthMetrics) Collect(to chan<- prometheus.Metric) {
	for name, part := range m.health.Report().Parts {
		for desc, is := range map[*prometheus.Desc]bool{m.broken: part.Status == statusBroken, m.notReady: part.Status != statusOK} {
			value := 0.0
			if is {
				value = 1
			}
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, name)
		}
	}
}
