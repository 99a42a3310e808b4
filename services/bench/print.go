package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"text/tabwriter"
)

// row is one line of the table.
type row struct {
	figure, value string
	judged        *Judged
}

// section is a part of the table.
type section struct {
	title string
	rows  []row
}

func (r *Report) sections() []section {
	return []section{
		{"Memory", rowsOf(&r.Memory)},
		{"Replay, the server as it comes", rowsOf(&r.Replays)},
		{"The server writes to the disk every 2 minutes (its default)", rowsOf(&r.Default)},
		{"Sync always: every message is on the disk before it is acknowledged", rowsOf(&r.SyncAlways)},
		{fmt.Sprintf("Signing in through HTTP, %d clients, sync always", clients), rowsOf(&r.Portal)},
		{fmt.Sprintf("A tenant with %s extensions", whole(float64(r.Listing.Extensions))), rowsOf(&r.Listing)},
		{fmt.Sprintf("While %d wrong passwords a second come from everywhere", floodRate), rowsOf(&r.Flood)},
		{"Welcome mails, the server writes to the disk every 2 minutes", rowsOf(&r.Mails)},
	}
}

// rowsOf are the rows of a part, none when it was not measured.
func rowsOf(part interface{ rows() []row }) []row {
	if reflect.ValueOf(part).Elem().IsZero() {
		return nil
	}
	return part.rows()
}

// print writes the table and, as the last line, everything as one JSON object.
func (r *Report) print(to io.Writer) error {
	tab := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	for _, section := range r.sections() {
		if len(section.rows) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(tab, "%s\n", section.title)
		for _, line := range section.rows {
			_, _ = fmt.Fprintf(tab, "  %s\t%s\t%s\n", line.figure, line.value, line.judged)
		}
		_, _ = fmt.Fprintln(tab)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s\n", line)
	return err
}

// allMet tells whether every target is met.
func (r *Report) allMet() bool {
	for _, section := range r.sections() {
		for _, line := range section.rows {
			if line.judged != nil && !line.judged.Met {
				return false
			}
		}
	}
	return true
}

func (t *Table) rows() []row {
	return slices.Concat(rowsOf(&t.Throughput), rowsOf(&t.Refold), rowsOf(&t.SignIn))
}

func (f *Throughput) rows() []row {
	return []row{
		{"device-counter's fold, one outcome an event", f.Fold.perSecond("events"), nil},
		{"by hand, in order", f.InOrder.perSecond("events"), nil},
		{"by hand, 64 goroutines, no order", f.Many.perSecond("events"), nil},
		{"watermill, 64 at a time, no order", f.Watermill.perSecond("events"), nil},
		{"fold against by hand, in order", times(f.VersusInOrder), &f.VersusInOrder},
		{"fold against by hand, 64 goroutines", times(f.VersusMany), &f.VersusMany},
		{"fold against watermill", times(f.VersusWatermill), &f.VersusWatermill},
	}
}

func (o *Refold) rows() []row {
	return []row{
		{
			fmt.Sprintf("fold again %s messages, %s events of %s extensions", whole(float64(o.Messages)), whole(float64(o.Inputs)), whole(float64(o.Extensions))),
			o.Fold.perSecond("messages"), nil,
		},
		{"processor time of that, a message", o.FoldCPU.String(), nil},
		{"ordered consumer, raw, of the same log", o.Raw.perSecond("messages"), nil},
		{"processor time of that, a message", o.RawCPU.String(), nil},
		{"fold again against raw", times(o.VersusRaw), &o.VersusRaw},
	}
}

func (s *SignIn) rows() []row {
	return []row{
		{"sign-in to decision, idle", s.Idle.String(), nil},
		{"bare: publish / deliver / script, p50", fmt.Sprintf("%.3f / %.3f / %.3f ms", s.Publish.P50, s.Delivery.P50, s.Script.P50), nil},
		{"bare sum: publish + deliver + script + publish, p50", fmt.Sprintf("%.3f ms", s.BareSum), nil},
		{"the bare steps linked to a chain", s.Chain.String(), nil},
		{"sign-in p50 against the bare sum", times(s.IdleVersus), &s.IdleVersus},
		{"sign-in p50 against the bare chain", fmt.Sprintf("%.2f×", s.ChainVersus), nil},
		{fmt.Sprintf("sign-in at %.0f/s, %d unanswered", s.Rate, s.Failed), s.Loaded.String(), nil},
		{"sign-in at that rate, p99", fmt.Sprintf("%.2f ms", s.LoadedP99.Value), &s.LoadedP99},
	}
}

func (m *Memory) rows() (rows []row) {
	if m.Encoding != "" {
		rows = append(rows,
			row{"Redis, a license with 4 devices (" + m.Encoding + ")", whole(m.License.Value) + " bytes", &m.License},
			row{"the same, after its first 4 facts", whole(m.FourFacts) + " bytes", nil},
			row{"the same, with what license and name-sync keep", whole(m.AllWorkers) + " bytes", nil})
	}
	if m.Large.Events > 0 {
		rows = append(rows, m.Small.row(), m.Large.row(), row{"worker's peak, many extensions against few", times(m.Growth), &m.Growth})
	}
	return rows
}

func (r *Replays) rows() []row {
	return slices.Concat(
		r.Rebuild.rows("rebuild, until all is folded again", r), r.State.rows("replay state", r), r.Decisions.rows("replay decisions", r),
		r.growth("replay state", r.Many.State, r.Few.State, &r.StateGrowth),
		r.growth("replay decisions", r.Many.Decisions, r.Few.Decisions, &r.DecisionsGrowth))
}

func (p *Replaying) rows(what string, r *Replays) []row {
	return []row{
		{
			fmt.Sprintf("%s, %s messages, %s events of %s extensions", what, whole(float64(r.Messages)), whole(float64(r.Events)), whole(float64(r.Extensions))),
			fmt.Sprintf("%.1f s, %s messages/s, peak memory %s", p.Seconds.Value, whole(p.PerSecond), mega(p.Peak)), &p.Seconds,
		},
		{"  against an ordered consumer, raw, just before", fmt.Sprintf("%s messages/s: %s", whole(p.Raw), times(p.VersusRaw)), &p.VersusRaw},
	}
}

func (r *Replays) growth(what string, many, few float64, growth *Judged) []row {
	return []row{{
		fmt.Sprintf("%s, peak memory with %s events of %s extensions, and with %s", what,
			whole(float64(r.Many.Events)), whole(float64(r.Many.Extensions)), whole(float64(r.Few.Events))),
		fmt.Sprintf("%s, %s: %s", mega(many), mega(few), times(*growth)), growth,
	}}
}

func (w Worker) row() row {
	return row{
		fmt.Sprintf("worker, %s events of %s extensions", whole(float64(w.Events)), whole(float64(w.Extensions))),
		fmt.Sprintf("peak %s, then %s, heap %s", mega(w.PeakRSS), mega(w.RSS), mega(w.HeapInUse)), nil,
	}
}

// String says whether the target was met.
func (j *Judged) String() string {
	switch {
	case j == nil:
		return ""
	case j.AtLeast == 0 && j.AtMost == 0:
		return "not measured"
	}
	target := fmt.Sprintf("target ≥ %g", j.AtLeast)
	if j.AtMost != 0 {
		target = fmt.Sprintf("target ≤ %g", j.AtMost)
	}
	if j.Met {
		return target + ": met"
	}
	return target + ": NOT MET"
}

func (s Spread) perSecond(what string) string {
	return fmt.Sprintf("%s %s/s (%s – %s)", whole(s.Median), what, whole(s.Min), whole(s.Max))
}

func (l Latency) String() string {
	return fmt.Sprintf("p50 %.3f, p99 %.3f, max %.3f ms", l.P50, l.P99, l.Max)
}

func times(j Judged) string { return fmt.Sprintf("%.2f×", j.Value) }

func mega(bytes float64) string { return fmt.Sprintf("%.1f MB", bytes/1e6) }

// whole writes a number without decimals and with its thousands apart.
func whole(n float64) string {
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
