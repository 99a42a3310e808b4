package process

import (
	"maps"
	"sync"
)

// Health is what /healthz and /readyz tell, part by part. A part is anything with a name that can be in trouble:
// "nats", "partition 7". Its methods may be called from any goroutine.
type Health struct {
	prefix string
	parts  *parts // shared by all views
}

type parts struct {
	mu               sync.Mutex
	broken, notReady map[string]error // a part that was cleared stays in both, as nil
}

// NewHealth returns one where everything is well.
func NewHealth() *Health {
	return &Health{parts: &parts{broken: map[string]error{}, notReady: map[string]error{}}}
}

// With returns a view that puts "<name>/" in front of its parts' names: for several workers in one process.
func (h *Health) With(name string) *Health {
	return &Health{prefix: h.prefix + name + "/", parts: h.parts}
}

// Broken says that a part needs a person: /healthz and /readyz turn red until it is called again with nil.
func (h *Health) Broken(part string, err error) {
	h.parts.mu.Lock()
	defer h.parts.mu.Unlock()
	h.parts.broken[h.prefix+part] = err
}

// NotReady says that a part cannot work just now, but will by itself: /readyz turns red until it is called again with nil.
func (h *Health) NotReady(part string, err error) {
	h.parts.mu.Lock()
	defer h.parts.mu.Unlock()
	h.parts.notReady[h.prefix+part] = err
}

// The states of a part, and of the whole, which is its worst part's.
const (
	statusOK       = "ok"
	statusNotReady = "not ready"
	statusBroken   = "broken"
)

// Report is what the two pages show.
type Report struct {
	Status string          `json:"status"`
	Parts  map[string]Part `json:"parts"`
}

// Part is one part of a Report.
type Part struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// Report returns the state of every part that was ever mentioned, also of those outside this view.
func (h *Health) Report() Report {
	h.parts.mu.Lock()
	defer h.parts.mu.Unlock()
	r := Report{Status: statusOK, Parts: map[string]Part{}}
	for _, m := range []map[string]error{h.parts.notReady, h.parts.broken} {
		for name := range maps.Keys(m) {
			if _, known := r.Parts[name]; !known {
				r.Parts[name] = Part{Status: statusOK}
			}
		}
	}
	r.add(h.parts.notReady, statusNotReady)
	r.add(h.parts.broken, statusBroken) // the worse one has the last word
	return r
}

func (r *Report) add(parts map[string]error, status string) {
	for name, err := range parts {
		if err != nil {
			r.Status = status
			r.Parts[name] = Part{Status: status, Reason: oneLine(err)}
		}
	}
}
