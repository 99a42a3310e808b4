package workertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// entry is one line of a recorded history: an event in, and what was made of it.
// Every event is about acme/1001; what is not said of it follows from its place.
//
//	{"seq":3,"event":"DeviceSignedIn","data":{…},"told":"DeviceActivated","with":{…},"keeps":{…}}
//
// The first half, up to data, is written by hand, the second by -update.
type entry struct {
	Seq    uint64          `json:"seq"`              // in the log
	Source string          `json:"source,omitempty"` // "" is the PBX core
	Cause  uint64          `json:"cause,omitempty"`  // of an outcome
	Event  string          `json:"event"`
	Data   json.RawMessage `json:"data"`

	Told   string            `json:"told,omitempty"` // the outcome
	ID     string            `json:"id,omitempty"`   // its id
	With   json.RawMessage   `json:"with,omitempty"` // its data
	Answer string            `json:"answer,omitempty"`
	Fault  string            `json:"fault,omitempty"` // why it is a dead letter
	Keeps  map[string]string `json:"keeps"`           // the state after it, as Redis has it
}

// Replay decides every recorded history in a folder and compares: these files pin
// the rules for good, for a log that was folded once must fold to the same again.
// With update it writes what is decided now instead.
func Replay[S any](t *testing.T, rules fold.Rules[S], folder string, update bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d recorded histories in %s, want at least 5 (%v)", len(files), folder, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			recorded, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			now := replay(t, rules, recorded)
			if update {
				if err := os.WriteFile(file, now, 0o644); err != nil { //nolint:gosec // a file of the repository
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(textLines(recorded), textLines(now)); diff != "" {
				t.Errorf("a rule changed what happened in the past (-recorded +now):\n%s", diff)
			}
		})
	}
}

func textLines(b []byte) []string {
	var all []string
	for line := range bytes.Lines(b) {
		all = append(all, string(bytes.TrimSpace(line)))
	}
	return all
}

// replay returns a history with what is decided now.
func replay[S any](t *testing.T, rules fold.Rules[S], recorded []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var state S
	for number, line := range textLines(recorded) {
		var e entry
		decoder := json.NewDecoder(bytes.NewReader([]byte(line)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			t.Fatalf("line %d: %v", number+1, err)
		}
		e = entry{Seq: e.Seq, Source: e.Source, Cause: e.Cause, Event: e.Event, Data: e.Data}
		state = decide(t, rules, state, &e)
		e.Keeps = fieldsOf(rules, state)
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(e); err != nil {
			t.Fatalf("line %d: %v", number+1, err)
		}
	}
	return out.Bytes()
}

// decide fills in what is made of an entry and returns the next state.
func decide[S any](t *testing.T, rules fold.Rules[S], state S, e *entry) S {
	t.Helper()
	event, err := e.message().Decode()
	if err != nil {
		e.Fault = err.Error()
		return state
	}
	next, decision := rules.Decide(state, event)
	e.Answer = decision.Answer
	if decision.Outcome == nil {
		return next
	}
	body, err := events.NewOutcome(rules.Worker, event.Event, decision.Outcome).Encode()
	if err != nil {
		t.Fatalf("sequence %d: %v", e.Seq, err)
	}
	var told struct {
		ID   string
		Data json.RawMessage
	}
	if err := json.Unmarshal(body, &told); err != nil {
		t.Fatalf("sequence %d: %v", e.Seq, err)
	}
	e.Told, e.ID, e.With = decision.Outcome.EventName(), told.ID, told.Data
	return next
}

// message is the entry as the log would hold it.
func (e *entry) message() eventlog.Message {
	source, id := events.PBX, IDOf(e.Seq)
	header := nats.Header{}
	if e.Source != "" {
		source, id = e.Source, Said(e.Source, e.Seq, e.Cause, nil).ID
		header.Set(events.HeaderCause, strconv.FormatUint(e.Cause, 10))
	}
	x := Extension()
	body := fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":%q,"type":"com.mycloudpbx.%s","subject":%q,"time":%q,"data":%s}`,
		id, source, e.Event, x.String(), TimeOf(e.Seq).Format(time.RFC3339Nano), e.Data)
	return eventlog.Message{
		Subject:  events.Input{Source: source, Name: e.Event}.Subject(x),
		Sequence: e.Seq, Time: TimeOf(e.Seq), Header: header, Data: body,
	}
}
