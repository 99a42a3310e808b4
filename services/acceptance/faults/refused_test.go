package faults

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// The stream is deleted and created again under running workers: they refuse it,
// name both sides, turn health red, and write nothing.
func TestStreamRecreated(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	counter := servertest.StartChild(t, childCounter, append(environment(s.nats.URL(), s.redis.URL(), "replica"), "SOFTPHONE_LOG_LEVEL=info")...)
	health := regexp.MustCompile(`"ops":"([^"]+)"`).FindStringSubmatch(counter.Await(`"ops"`))[1] + "/healthz"
	x := extensionsIn(-1, 1)[0]
	load := &traffic{log: s.log}
	sign := events.NewFact(x, events.DeviceSignedIn{DeviceID: "one", Platform: events.PlatformMac})
	if _, err := load.say(sign, nil); err != nil {
		t.Fatal(err)
	}
	if report := foldtest.Await(t, s.js, s.redis.Client(t), devicecounter.Rules(), 20*time.Second); !report.Clean() {
		t.Fatal(report)
	}
	awaitStatus(t, health, http.StatusOK)

	if err := s.js.DeleteStream(t.Context(), events.Stream); err != nil {
		t.Fatal(err)
	}
	if err := eventlog.Ensure(t.Context(), s.js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	before := s.redis.Snapshot()
	reason := awaitStatus(t, health, http.StatusServiceUnavailable)
	for _, want := range []string{"the log is another stream", "it was created", "the checkpoint is at sequence"} {
		if !strings.Contains(reason, want) {
			t.Errorf("/healthz does not say %q: %s", want, reason)
		}
	}
	sign = events.NewFact(x, events.DeviceSignedIn{DeviceID: "two", Platform: events.PlatformMac})
	if _, err := load.say(sign, nil); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // time in which it could do harm
	if after := s.redis.Snapshot(); after.Keys() != before.Keys() {
		t.Error("Redis was written to")
	}
}

// awaitStatus asks until a page answers with a status, and returns its body.
func awaitStatus(t *testing.T, page string, status int) string {
	t.Helper()
	var last string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		response, err := http.Get(page)
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil && response.StatusCode == status {
			return string(body)
		}
		last = string(body)
	}
	t.Fatalf("%s does not answer %d: %s", page, status, last)
	return ""
}
