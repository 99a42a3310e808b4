package api

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// The routes are the described ones, no more and no less. Package portaltest holds
// what they answer to the description.
func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	var doc struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	described, handled := map[string]bool{}, map[string]bool{}
	for path, item := range doc.Paths {
		for method := range item {
			if method != "parameters" {
				described[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	for _, r := range (&api{}).routes() {
		handled[r.method+" "+r.path] = true
	}
	sorted := func(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
	if diff := cmp.Diff(sorted(handled), sorted(described)); diff != "" {
		t.Errorf("-handled +described:\n%s", diff)
	}
}
