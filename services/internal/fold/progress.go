package fold

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/services/internal/metric"
)

// progress is how far an owner is. The owner writes it without a lock; whoever
// looks at the metrics reads it.
type progress struct {
	waiting atomic.Uint64 // messages of the partition that are known to wait
	oldest  atomic.Int64  // when the log stored the first event taken and not committed, Unix ns; 0: there is none
	seen    atomic.Int64  // when Redis was last seen to have this owner's checkpoint, Unix ns
}

// took says that events are in hand, the first of them stored then, and how many
// messages wait behind them.
func (p *progress) took(first time.Time, waiting uint64) {
	p.oldest.Store(first.UnixNano())
	p.waiting.Store(waiting)
}

// committed says that what was in hand is done.
func (p *progress) committed(now time.Time) {
	p.oldest.Store(0)
	p.verified(now)
}

// verified says that Redis has this owner's checkpoint.
func (p *progress) verified(now time.Time) { p.seen.Store(now.UnixNano()) }

// lag is how old the oldest event is that is not folded yet.
func (p *progress) lag(now time.Time) time.Duration {
	oldest := p.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(0, now.Sub(time.Unix(0, oldest)))
}

// age is how long ago Redis was seen to have the checkpoint.
func (p *progress) age(now time.Time) time.Duration {
	return max(0, now.Sub(time.Unix(0, p.seen.Load())))
}

// place is a partition of a worker.
type place struct {
	worker    string
	partition int
}

// gauges shows the progress of the owners of a process, as it is when somebody looks.
type gauges struct {
	events, lag, age *prometheus.Desc

	mu     sync.Mutex
	owners map[place]*progress
}

func newGauges() *gauges {
	labels := []string{metric.Worker, "partition"}
	return &gauges{
		events: prometheus.NewDesc("softphone_fold_lag_events",
			"Messages of a partition that wait to be folded, by the owner of the partition.", labels, nil),
		lag: prometheus.NewDesc("softphone_fold_lag_seconds",
			"Age of the oldest event that is taken and not folded yet. Seconds are a rebuild or an overload; look at the reason in /readyz.", labels, nil),
		age: prometheus.NewDesc("softphone_fold_checkpoint_age_seconds",
			"Since Redis was last seen to have the checkpoint of the owner, who looks every second. More than some seconds: "+
				"NATS or Redis is away, or the partition is refused.", labels, nil),
		owners: map[place]*progress{},
	}
}

func (g *gauges) show(at place, p *progress) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owners[at] = p
}

// hide takes an owner away, unless its successor is shown already.
func (g *gauges) hide(at place, p *progress) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.owners[at] == p {
		delete(g.owners, at)
	}
}

// Describe is prometheus.Collector's.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	to <- g.events
	to <- g.lag
	to <- g.age
}

// Collect is prometheus.Collector's.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for at, p := range g.owners {
		partition := strconv.Itoa(at.partition)
		tell := func(desc *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, at.worker, partition)
		}
		tell(g.events, float64(p.waiting.Load()))
		tell(g.lag, p.lag(now).Seconds())
		tell(g.age, p.age(now).Seconds())
	}
}
