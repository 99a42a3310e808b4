package fold

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// progress of an owner, for the metrics. The owner writes it without a lock.
type progress struct {
	waiting atomic.Uint64 // messages of the partition known to wait
	oldest  atomic.Int64  // when the log stored the first event read and not committed, Unix ns; 0: there is none
	seen    atomic.Int64  // when Redis last had this owner's checkpoint, Unix ns
}

// started records that events are being folded, when the first of them was stored, and how many messages wait.
func (p *progress) started(first time.Time, waiting uint64) {
	p.oldest.Store(first.UnixNano())
	p.waiting.Store(waiting)
}

// committed records that these events are folded.
func (p *progress) committed(now time.Time) {
	p.oldest.Store(0)
	p.verified(now)
}

// verified records that Redis has this owner's checkpoint.
func (p *progress) verified(now time.Time) { p.seen.Store(now.UnixNano()) }

// lag is the age of the oldest event that is not folded yet.
func (p *progress) lag(now time.Time) time.Duration {
	oldest := p.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, now.Sub(time.Unix(0, oldest)))
}

// age is the time since Redis was seen to have the checkpoint.
func (p *progress) age(now time.Time) time.Duration {
	return max(0, now.Sub(time.Unix(0, p.seen.Load())))
}

// owned is a partition of a worker.
type owned struct {
	worker    string
	partition int
}

// gauges reads the progress of the owners of a process when the metrics are scraped.
type gauges struct {
	events, lag, age *prometheus.Desc

	mu     sync.Mutex
	owners map[owned]*progress
}

func newGauges() *gauges {
	labels := []string{metric.Worker, "partition"}
	return &gauges{
		events: prometheus.NewDesc("softphone_fold_lag_events",
			"Messages of a partition that wait to be folded.", labels, nil),
		lag: prometheus.NewDesc("softphone_fold_lag_seconds",
			"Age of the oldest event that was read and is not folded yet. Seconds mean a rebuild or an overload; the reason is in /readyz.", labels, nil),
		age: prometheus.NewDesc("softphone_fold_checkpoint_age_seconds",
			"Time since Redis was seen to have the owner's checkpoint; the owner compares every second. More than some seconds: "+
				"NATS or Redis is down, or the partition is refused.", labels, nil),
		owners: map[owned]*progress{},
	}
}

func (g *gauges) show(at owned, p *progress) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owners[at] = p
}

// hide removes an owner, unless its successor is shown already.
func (g *gauges) hide(at owned, p *progress) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.owners[at] == p {
		delete(g.owners, at)
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	to <- g.events
	to <- g.lag
	to <- g.age
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for at, p := range g.owners {
		partition := strconv.Itoa(at.partition)
		send := func(desc *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, at.worker, partition)
		}
		send(g.events, float64(p.waiting.Load()))
		send(g.lag, p.lag(now).Seconds())
		send(g.age, p.age(now).Seconds())
	}
}
