package runbook

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Who is woken by an alert finds its name in the section the alert points to, and
// the page names no alert that does not exist.
func TestAlertsAreNamed(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, "deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	rules, page := read("prometheus/alerts.yml"), read("RUNBOOK.md")
	sections := map[string]string{}
	for _, section := range strings.Split(page, "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		sections[strings.ReplaceAll(strings.ToLower(title), " ", "-")] = body
	}
	exists := map[string]bool{}
	for _, rule := range regexp.MustCompile(`(?s)- alert: (\w+)\n.*?runbook: deploy/RUNBOOK\.md#([a-z-]+)`).FindAllStringSubmatch(rules, -1) {
		exists[rule[1]] = true
		if !strings.Contains(sections[rule[2]], "`"+rule[1]+"`") {
			t.Errorf("alert %s points to #%s, where it is not named", rule[1], rule[2])
		}
	}
	for _, named := range regexp.MustCompile("`(Softphone[A-Z]\\w+)`").FindAllStringSubmatch(page, -1) {
		if !exists[named[1]] {
			t.Errorf("the page names %s, which is no alert", named[1])
		}
	}
	if len(exists) < 6 {
		t.Errorf("found %d alerts: teach this test how they are written", len(exists))
	}
}
