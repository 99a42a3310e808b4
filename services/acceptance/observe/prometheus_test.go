package observe

import (
	"log/slog"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// interval is how often Prometheus scrapes and evaluates, as deploy/prometheus has it.
const interval = 15 * time.Second

// prometheus is as much of it as alerts need: it scrapes the services of a system, and
// evaluates the alert rules with Prometheus' own engine. Its clock is its own, so that
// what takes an hour there takes no time here: a scrape is a step of that clock.
type prometheus struct {
	t      *testing.T
	rules  []rulefmt.Rule
	engine *promql.Engine
	now    time.Time
	series map[string]map[string]*series // by name and labels
	since  map[string]time.Time          // since when the condition of an alert is true, by alert and labels
}

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

func newPrometheus(t *testing.T) *prometheus {
	t.Helper()
	p := &prometheus{t: t, rules: alertRules(t), now: time.Unix(1_700_000_000, 0), series: map[string]map[string]*series{}, since: map[string]time.Time{}}
	p.engine = promql.NewEngine(promql.EngineOpts{
		MaxSamples: 1_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: promQL(),
	})
	t.Cleanup(func() { _ = p.engine.Close() })
	return p
}

func promQL() parser.Parser { return parser.NewParser(parser.Options{}) }

// alertRules are those of deploy/prometheus/alerts.yml.
func alertRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, faults := rulefmt.ParseFile(deployed("prometheus/alerts.yml"), false, model.UTF8Validation, promQL(), slog.New(slog.DiscardHandler))
	for _, fault := range faults {
		t.Error(fault)
	}
	if groups == nil || len(groups.Groups) == 0 {
		t.Fatal("no rules")
	}
	var all []rulefmt.Rule
	for _, group := range groups.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// scrape takes what services show now, so many times, and returns which alerts fire at
// the end, in order.
func (p *prometheus) scrape(s *system, times int) (firing []string) {
	p.t.Helper()
	for range times {
		p.now = p.now.Add(interval)
		p.look(s)
		firing = p.firing()
	}
	return firing
}

// look takes what services show now. To look again without time going by replaces what
// was seen before.
func (p *prometheus) look(s *system) {
	p.t.Helper()
	for name, host := range s.hosts {
		families, err := host.Metrics.Gather()
		if err != nil {
			p.t.Fatal(err)
		}
		for _, family := range families {
			for _, m := range family.GetMetric() {
				p.take(name, family, m)
			}
		}
		p.sample("up", name, nil, 1)
	}
}

// take adds the samples of one metric.
func (p *prometheus) take(instance string, family *dto.MetricFamily, m *dto.Metric) {
	name, own := family.GetName(), map[string]string{}
	for _, l := range m.GetLabel() {
		own[l.GetName()] = l.GetValue()
	}
	with := func(label string, value float64) map[string]string {
		all := maps.Clone(own)
		all[label] = strconv.FormatFloat(value, 'g', -1, 64)
		return all
	}
	switch family.GetType() {
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		for _, b := range h.GetBucket() {
			p.sample(name+"_bucket", instance, with("le", b.GetUpperBound()), float64(b.GetCumulativeCount()))
		}
		p.sample(name+"_bucket", instance, with("le", math.Inf(1)), float64(h.GetSampleCount()))
		p.sample(name+"_sum", instance, own, h.GetSampleSum())
		p.sample(name+"_count", instance, own, float64(h.GetSampleCount()))
	case dto.MetricType_SUMMARY:
		for _, q := range m.GetSummary().GetQuantile() {
			p.sample(name, instance, with("quantile", q.GetQuantile()), q.GetValue())
		}
	default:
		p.sample(name, instance, own, m.GetCounter().GetValue()+m.GetGauge().GetValue()+m.GetUntyped().GetValue())
	}
}

// sample adds one, of now.
func (p *prometheus) sample(name, instance string, own map[string]string, value float64) {
	all := map[string]string{model.MetricNameLabel: name, "instance": instance, "job": "softphone", "service": instance}
	maps.Copy(all, own)
	set := labels.FromMap(all)
	if p.series[name] == nil {
		p.series[name] = map[string]*series{}
	}
	of := p.series[name][set.String()]
	if of == nil {
		of = &series{labels: set}
		p.series[name][set.String()] = of
	}
	if last := len(of.samples) - 1; last >= 0 && of.samples[last].T() == p.now.UnixMilli() {
		of.samples = of.samples[:last]
	}
	of.samples = append(of.samples, sample{p.now.UnixMilli(), value})
}

// firing evaluates the alerts and returns those whose condition has been true for as
// long as they ask for.
func (p *prometheus) firing() []string {
	p.t.Helper()
	fire, holds := map[string]bool{}, map[string]bool{}
	for _, rule := range p.rules {
		for _, labels := range p.ask(rule.Expr) {
			key := rule.Alert + labels
			holds[key] = true
			if p.since[key].IsZero() {
				p.since[key] = p.now
			}
			if p.now.Sub(p.since[key]) >= time.Duration(rule.For) {
				fire[rule.Alert] = true
			}
		}
	}
	maps.DeleteFunc(p.since, func(key string, _ time.Time) bool { return !holds[key] })
	return slices.Sorted(maps.Keys(fire))
}

// ask evaluates an expression now, and returns the labels of each of its values.
func (p *prometheus) ask(expression string) (all []string) {
	p.t.Helper()
	query, err := p.engine.NewInstantQuery(p.t.Context(), p, nil, expression, p.now)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	defer query.Close()
	vector, err := query.Exec(p.t.Context()).Vector()
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	for _, value := range vector {
		all = append(all, value.Metric.String())
	}
	return all
}

// Querier is storage.Queryable's.
func (p *prometheus) Querier(from, to int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		var found []storage.Series
		for _, s := range p.selected(matchers) {
			first := sort.Search(len(s.samples), func(i int) bool { return s.samples[i].T() >= from })
			end := sort.Search(len(s.samples), func(i int) bool { return s.samples[i].T() > to })
			found = append(found, storage.NewListSeries(s.labels, s.samples[first:end]))
		}
		return &seriesSet{SeriesSet: storage.EmptySeriesSet(), series: found, at: -1}
	}}, nil
}

// selected are the series that a selector selects; it names one metric.
func (p *prometheus) selected(matchers []*labels.Matcher) (found []*series) {
	named := slices.IndexFunc(matchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })
	of := p.series[matchers[named].Value]
	for _, key := range slices.Sorted(maps.Keys(of)) {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(of[key].labels.Get(m.Name)) }) {
			found = append(found, of[key])
		}
	}
	return found
}

// seriesSet is a storage.SeriesSet of a list.
type seriesSet struct {
	storage.SeriesSet

	series []storage.Series
	at     int
}

func (s *seriesSet) Next() bool         { s.at++; return s.at < len(s.series) }
func (s *seriesSet) At() storage.Series { return s.series[s.at] }
func (s *seriesSet) Err() error         { return nil }

// sample is a chunks.Sample.
type sample struct {
	t int64
	v float64
}

func (s sample) T() int64                      { return s.t }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// names are the metrics there are, each with its labels.
func (p *prometheus) names() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for name, of := range p.series {
		all[name] = map[string]bool{}
		for _, s := range of {
			s.labels.Range(func(l labels.Label) { all[name][l.Name] = true })
		}
	}
	return all
}
