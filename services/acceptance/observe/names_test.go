package observe

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// deployed is the path of a file of deploy/.
func deployed(path string) string { return filepath.Join("../../../deploy", path) }

// expression is a PromQL expression and where it stands.
type expression struct{ where, text string }

// Every expression of the dashboard and the alerts is PromQL, and every metric in it,
// with every label it is selected or grouped by, is one that a service shows which has
// done its job.
func TestDashboardAndAlertsNameWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	s.start()
	s.job()
	p := newPrometheus(t)
	p.quiet(s, 1)
	all := dashboardExpressions(t)
	if len(all) < 40 {
		t.Errorf("only %d expressions in the dashboard", len(all))
	}
	for _, rule := range p.rules {
		all = append(all, expression{"alert " + rule.Alert, rule.Expr})
	}
	used := map[string]bool{}
	for _, e := range all {
		p.check(e, used)
	}
	for name := range p.names() {
		if family := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count"); strings.HasPrefix(name, "softphone_") &&
			!used[name] && !used[family] && !used[family+"_bucket"] && !slices.Contains(unshown(), name) {
			t.Errorf("nobody looks at %s: put it into the dashboard, or take it away", name)
		}
	}
}

// unshown are metrics that only the curious ask for.
func unshown() []string {
	return []string{
		"softphone_mailer_connections_opened_total", "softphone_mailer_connections_stale_total", "softphone_mailer_domain_limited_total",
		"softphone_mailer_send_seconds_bucket", "softphone_mailer_send_seconds_sum", "softphone_mailer_send_seconds_count",
		"softphone_name_push_seconds_bucket", "softphone_name_push_seconds_sum", "softphone_name_push_seconds_count",
	}
}

// check holds an expression against the metrics there are.
func (p *prometheus) check(e expression, used map[string]bool) {
	p.t.Helper()
	parsed, err := promQL().ParseExpr(e.text)
	if err != nil {
		p.t.Errorf("%s: %v", e.where, err)
		return
	}
	names := p.names()
	labels := map[string]bool{"le": true, "alertname": true}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, is := node.(*parser.VectorSelector)
		if !is {
			return nil
		}
		used[selector.Name] = true
		if selector.Name == "ALERTS" { // Prometheus' own
			return nil
		}
		for label := range names[selector.Name] {
			labels[label] = true
		}
		if len(p.selected(selector.LabelMatchers)) == 0 {
			p.t.Errorf("%s: no service shows %s", e.where, selector)
		}
		return nil
	})
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if aggregate, is := node.(*parser.AggregateExpr); is {
			for _, label := range aggregate.Grouping {
				if !labels[label] {
					p.t.Errorf("%s: grouped by %s, which none of its metrics has", e.where, label)
				}
			}
		}
		return nil
	})
}

// dashboardExpressions are those of the panels of deploy/grafana/softphone.json, with
// Grafana's variables filled in.
func dashboardExpressions(t *testing.T) (all []expression) {
	t.Helper()
	content, err := os.ReadFile(deployed("grafana/softphone.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title      string
			Datasource struct{ UID string }
			Targets    []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Type string }
		}
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		t.Fatal(err)
	}
	if v := dashboard.Templating.List; len(v) == 0 || v[0].Name != "datasource" || v[0].Type != "datasource" {
		t.Error("the dashboard has no variable for its data source")
	}
	fill := strings.NewReplacer("$__rate_interval", "1m", "$worker", ".*")
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, expression{"panel " + panel.Title, fill.Replace(target.Expr)})
		}
		if len(panel.Targets) > 0 && panel.Datasource.UID != "${datasource}" {
			t.Errorf("panel %s has a data source of its own: %q", panel.Title, panel.Datasource.UID)
		}
	}
	return all
}

// Every alert says what it means, what to type and where to read on.
func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile(deployed("RUNBOOK.md"))
	if err != nil {
		t.Fatal(err)
	}
	anchors := anchorsOf(string(runbook))
	read := map[string]bool{}
	for _, rule := range alertRules(t) {
		for _, annotation := range []string{"summary", "meaning", "type", "runbook"} {
			if rule.Annotations[annotation] == "" {
				t.Errorf("%s has no %s", rule.Alert, annotation)
			}
		}
		if severity := rule.Labels["severity"]; severity != "page" && severity != "ticket" {
			t.Errorf("%s is neither a page nor a ticket: %q", rule.Alert, severity)
		}
		_, anchor, _ := strings.Cut(rule.Annotations["runbook"], "deploy/RUNBOOK.md#")
		if !anchors[anchor] {
			t.Errorf("%s: the runbook has no %q", rule.Alert, rule.Annotations["runbook"])
		}
		read[anchor] = true
	}
	for _, anchor := range []string{"redis-lost", "nats-node-lost", "smtp-refuses", "dead-letters-grow", "worker-lags", "wrong-stream-restored"} {
		if !read[anchor] {
			t.Errorf("no alert leads to %s", anchor)
		}
	}
}

// anchorsOf are the anchors of a page's headings, as GitHub makes them, and those that
// it sets itself.
func anchorsOf(markdown string) map[string]bool {
	all := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(markdown, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all[strings.ReplaceAll(strings.TrimSpace(plain), " ", "-")] = true
	}
	for _, id := range regexp.MustCompile(`<a (?:id|name)="([^"]+)"`).FindAllStringSubmatch(markdown, -1) {
		all[id[1]] = true
	}
	return all
}
