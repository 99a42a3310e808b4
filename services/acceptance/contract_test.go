package acceptance

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The documents of the contract, schemas and AsyncAPI, are what publishers in other languages work from; package events
// decides. Neither may promise what the other refuses.

// contractDir is where the documents are.
var contractDir = filepath.Join(root, "events")

func allEvents() []string {
	names := events.Facts()
	for _, source := range append(events.Sources(), events.Operator) {
		names = append(names, events.Outcomes(source)...)
	}
	return names
}

func jsonFile(t *testing.T, path string) any {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return doc
}

// goldenMessage is the recorded message of an event.
func goldenMessage(t *testing.T, event string) map[string]any {
	t.Helper()
	return jsonFile(t, filepath.Join(contractDir, "testdata", event+".json")).(map[string]any)
}

// decodeMessage gives a message to Decode under the subject that agrees with it as far as it can.
func decodeMessage(event string, message map[string]any, body []byte) (events.Event, error) {
	extension, _ := message["subject"].(string)
	tenant, number, found := strings.Cut(extension, "/")
	if !found {
		tenant, number = "acme", "1001"
	}
	sources := events.SourcesOf(event) // the last one: a fact of the portal, whose actor is checked too
	return events.Decode(events.PublishSubject(sources[len(sources)-1], tenant, number, event), body)
}

func keys(object any) []string {
	return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(object.(map[string]any)))))
}

// at walks down a document by keys.
func at(t *testing.T, doc any, path ...string) any {
	t.Helper()
	for i, key := range path {
		next, found := doc.(map[string]any)[key]
		if !found {
			t.Fatalf("there is no %s", strings.Join(path[:i+1], "/"))
		}
		doc = next
	}
	return doc
}
