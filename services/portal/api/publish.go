package api

import (
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// maxWait is the longest a caller may wait for a decision.
const maxWait = 10 * time.Second

// stored says where a fact is in the log.
type stored struct {
	Sequence  uint64 `json:"sequence"`
	Duplicate bool   `json:"duplicate,omitempty"` // it was there before
}

// publish: POST /events stores one fact of a PBX core, a CloudEvent in structured
// mode. With "Prefer: wait=5" (RFC 7240) it answers the worker's decision when that
// comes in time, and otherwise, as without, where the fact is stored.
func (a *api) publish(w http.ResponseWriter, r *http.Request) error {
	body, err := body(r, "application/cloudevents+json", "application/json")
	if err != nil {
		return err
	}
	fact, err := readFact(body)
	if err != nil {
		return err
	}
	receipt, decision, err := a.Service.Publish(r.Context(), fact, wait(r))
	if err != nil {
		return err
	}
	if decision != nil {
		w.Header().Set("Preference-Applied", "wait")
		return reply(w, http.StatusOK, decision)
	}
	return reply(w, http.StatusAccepted, stored{Sequence: receipt.Sequence, Duplicate: receipt.Duplicate})
}

// readFact reads a CloudEvent. Its subject and type say what it is of; package events
// reads the rest, and refuses what it does not know.
func readFact(body []byte) (events.Event, error) {
	var envelope struct {
		Type    string `json:"type"`
		Subject string `json:"subject"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return events.Event{}, &events.FieldError{Field: "body", Problem: "is not a CloudEvent in JSON"}
	}
	tenant, number, _ := strings.Cut(envelope.Subject, "/")
	x := events.Extension{Tenant: tenant, Number: number}
	if err := x.Validate(); err != nil {
		return events.Event{}, &events.FieldError{Field: "subject", Problem: "must be <tenant>/<extension>: " + err.Error()}
	}
	name, ours := strings.CutPrefix(envelope.Type, "com.mycloudpbx.")
	if !ours || !events.IsFact(name) {
		return events.Event{}, &events.FieldError{
			Field: "type", Problem: "is none of the facts: com.mycloudpbx." + strings.Join(events.Facts(), ", com.mycloudpbx."),
		}
	}
	return events.DecodeStrict(events.PublishSubject(events.PBX, x.Tenant, x.Number, name), body)
}

// wait is how long the caller wants to wait for the decision, 0 for not at all.
func wait(r *http.Request) time.Duration {
	for _, header := range r.Header.Values("Prefer") {
		for preference := range strings.FieldsFuncSeq(header, func(c rune) bool { return c == ',' || c == ';' || c == ' ' }) {
			seconds, ok := strings.CutPrefix(strings.ToLower(preference), "wait=")
			n, err := strconv.ParseUint(strings.Trim(seconds, `"`), 10, 64)
			if ok && (err == nil || errors.Is(err, strconv.ErrRange)) { // of a number out of range n is the largest
				return time.Duration(min(n, uint64(maxWait/time.Second))) * time.Second
			}
		}
	}
	return 0
}

//go:embed openapi.yaml
var openAPI []byte

// description: GET /openapi.yaml
func (a *api) description(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, err := w.Write(openAPI)
	return err
}
