package process

import (
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Health is what /healthz and /readyz tell, part by part. A part is anything with a name that can be in trouble:
// "nats", "partition 7". Its methods may be called from any goroutine.
type Health struct {
	prefix string
	parts  *parts // shared by all views
}

type parts struct {
	mu               sync.Mutex
	broken, notReady map[string]error     // a part that was cleared stays in both, as nil
	unwritable       map[string]time.Time // since when a part cannot write to the log
	now              func() time.Time
}

// unwritableLimit is how long the log may take no writes before a person is needed: an election after a server is gone
// looks the same, and is over by then.
const unwritableLimit = 15 * time.Second

// PartLog is broken while any other part has not been able to write to the log for so long.
const PartLog = "log"

// NewHealth returns one where everything is well.
func NewHealth() *Health {
	return &Health{parts: &parts{
		broken: map[string]error{}, notReady: map[string]error{}, unwritable: map[string]time.Time{}, now: time.Now,
	}}
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
// One that cannot write to the log for 15 seconds also breaks the part "log": it seldom heals by itself.
func (h *Health) NotReady(part string, err error) {
	h.parts.mu.Lock()
	defer h.parts.mu.Unlock()
	h.parts.notReady[h.prefix+part] = err
	if !errors.Is(err, eventlog.ErrUnwritable) {
		delete(h.parts.unwritable, h.prefix+part)
	} else if h.parts.unwritable[h.prefix+part].IsZero() {
		h.parts.unwritable[h.prefix+part] = h.parts.now()
	}
}

// Writes takes what the log's publications come to: an error while it takes none.
func (h *Health) Writes(err error) { h.NotReady("writes", err) }

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
	for _, since := range h.parts.unwritable {
		if h.parts.now().Sub(since) > unwritableLimit {
			r.Status = statusBroken
			r.Parts[PartLog] = Part{Status: statusBroken, Reason: oneLine(eventlog.ErrUnwritable)}
		}
	}
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
