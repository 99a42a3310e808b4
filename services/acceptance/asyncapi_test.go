package acceptance

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/mycloudpbx/softphone/events"
)

func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	doc := asyncAPI(t)
	resolveAll(t, doc)

	messages := at(t, doc, "components", "messages").(map[string]any)
	for _, event := range allEvents() {
		if got, want := at(t, messages, event, "payload", "schema", "$ref"), "./schema/"+event+".json"; got != want {
			t.Errorf("the payload of %s is %v, want %s", event, got, want)
		}
		if got, want := at(t, messages, event, "name"), "com.mycloudpbx."+event; got != want {
			t.Errorf("the name of %s is %v, want %s", event, got, want)
		}
	}
	sameEvents := func(channel string, want []string) {
		t.Helper()
		for _, got := range [][]string{
			keys(at(t, doc, "channels", channel, "messages")), texted(at(t, doc, "channels", channel, "parameters", "event", "enum")),
		} {
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("channel %s carries other events (-want +got):\n%s", channel, diff)
			}
		}
	}
	sameEvents("log", allEvents())
	sameEvents("facts", events.Facts())
	sameEvents("portalFacts", events.Facts())
	for channel, source := range map[string]string{
		"facts": events.PBX, "portalFacts": events.Portal, "licenseOutcomes": events.License, "deviceCounterOutcomes": events.DeviceCounter,
		"mailerOutcomes": events.Mailer, "nameSyncOutcomes": events.NameSync,
	} {
		if !events.IsFactSource(source) {
			sameEvents(channel, events.Outcomes(source))
		}
		if got, want := at(t, doc, "channels", channel, "address"), events.PublishSubject(source, "{tenant}", "{extension}", "{event}"); got != want {
			t.Errorf("channel %s has the address %v, want %s", channel, got, want)
		}
	}
	stored := strings.Replace(events.LogSubject(events.AnyPartition, "{source}", "{tenant}", "{extension}", "{event}"), "*", "{partition}", 1)
	if got := at(t, doc, "channels", "log", "address"); got != stored {
		t.Errorf("the log has the address %v, want %s", got, stored)
	}
	if got := len(texted(at(t, doc, "channels", "log", "parameters", "partition", "enum"))); got != events.Partitions {
		t.Errorf("the log has %d partitions, want %d", got, events.Partitions)
	}
	if diff := cmp.Diff(append(events.Sources(), events.Operator), texted(at(t, doc, "channels", "log", "parameters", "source", "enum"))); diff != "" {
		t.Errorf("the log has other sources (-want +got):\n%s", diff)
	}
}

// TestAsyncAPIHeadersAndDecision holds the parts that are not events to the names in package events.
func TestAsyncAPIHeadersAndDecision(t *testing.T) {
	t.Parallel()
	components := at(t, asyncAPI(t), "components", "schemas")
	for schema, want := range map[string][]string{
		"FactHeaders":    {events.HeaderMsgID, events.HeaderReplyTo, "traceparent"},
		"OutcomeHeaders": {events.HeaderMsgID, events.HeaderCause, events.HeaderCauseID, "traceparent"},
		"Decision":       jsonTags(reflect.TypeFor[events.Decision]()),
	} {
		slices.Sort(want)
		if diff := cmp.Diff(want, keys(at(t, components, schema, "properties"))); diff != "" {
			t.Errorf("%s has other properties (-want +got):\n%s", schema, diff)
		}
	}
	want := []string{events.DeviceRecognized, events.AlreadyEnabled, events.NothingToDo, events.Invalid}
	for _, decider := range []string{events.License, events.DeviceCounter, events.NameSync} {
		want = append(want, events.Outcomes(decider)...)
	}
	got := texted(at(t, components, "Decision", "properties", "outcome", "enum"))
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a decision can be another (-want +got):\n%s", diff)
	}
}

func asyncAPI(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(contractDir, "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	if doc["asyncapi"] != "3.0.0" {
		t.Errorf("asyncapi is %v", doc["asyncapi"])
	}
	return doc
}

func texted(list any) []string {
	var texts []string
	for _, text := range list.([]any) {
		texts = append(texts, text.(string))
	}
	return texts
}

// resolveAll follows every $ref in the document, into its files too.
func resolveAll(t *testing.T, doc map[string]any) {
	t.Helper()
	count := 0
	eachObject(doc, "", func(path string, object map[string]any) {
		ref, found := object["$ref"].(string)
		if !found {
			return
		}
		count++
		file, pointer, _ := strings.Cut(ref, "#")
		var target any = doc
		if file != "" {
			target = jsonFile(t, filepath.Join(contractDir, filepath.FromSlash(file)))
		}
		for _, key := range strings.Split(pointer, "/")[min(1, len(pointer)):] {
			if pointer == "" {
				break
			}
			next, found := target.(map[string]any)[key]
			if !found {
				t.Errorf("%s$ref: %s leads nowhere", path, ref)
				return
			}
			target = next
		}
	})
	if count < 2*len(allEvents()) {
		t.Errorf("only %d references", count)
	}
}
