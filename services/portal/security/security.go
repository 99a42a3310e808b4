// Package security records what happens at the portal's doors: who came to which, from where, and with what result. Each is
// one line of the log, and counted. It is the one place that writes such lines, so that they all have the same fields.
//
// A line has the field security, which says what was done and tells these lines from all others, and, as far as they are
// known, actor_kind, actor_id and actor_name (who did it), tenant, extension and device (to what), from (the client's
// address) and result. It never has a password, a token, a link, or a text that was typed where one belongs.
package security

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
)

// What is done: the field security of a line, and the label event of the metric.
const (
	SignIn               = "sign-in"                // of a device
	AdministratorSignIn  = "administrator-sign-in"  // with a one-time link
	AdministratorSignOut = "administrator-sign-out" //
	LinkMade             = "link-made"              // a one-time link for an administrator
	APIToken             = "api-token"              // only when one is refused: what is done with it is in the log of facts
)

// Results, besides those of a device's sign-in, which package portal has.
const (
	Success   = "success"
	Replaced  = "replaced"  // sign-out: the same browser signed in again
	Unknown   = "unknown"   // no such link or token, or not any more; or none was shown
	Ended     = "ended"     // an API token after its end
	Forbidden = "forbidden" // an API token that may not do this, or not for this tenant
)

// results are those of each event, so that a metric is there from the beginning, as 0.
func results() map[string][]string {
	return map[string][]string{
		AdministratorSignIn:  {Success, Unknown},
		AdministratorSignOut: {Success, Replaced},
		LinkMade:             {Success},
		APIToken:             {Unknown, Ended, Forbidden},
	}
}

// Event is something that happened at a door.
type Event struct {
	What      string       `json:"what"`
	Result    string       `json:"result"`
	Actor     events.Actor `json:"actor"`               // the zero Actor: not known
	For       string       `json:"for,omitempty"`       // whom a link is for
	Tenant    string       `json:"tenant,omitempty"`    // "*": all
	Extension string       `json:"extension,omitempty"` //
	Device    string       `json:"device,omitempty"`    //
	From      string       `json:"from,omitempty"`      // address or host
	At        time.Time    `json:"at,omitzero"`         // of one that is written down later; zero: now
}

// Log records events.
type Log struct {
	lines  zerolog.Logger
	events *prometheus.CounterVec
}

// New returns a Log. Without a registry its metric is not shown.
func New(lines zerolog.Logger, registry prometheus.Registerer) *Log {
	l := &Log{lines: lines, events: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "softphone_security_events_total", Help: "Sign-ins and sign-outs, links made, and API tokens refused, by what was done and its result.",
	}, []string{"event", "result"})}
	for what, all := range results() {
		l.Expect(what, all...)
	}
	if registry != nil {
		registry.MustRegister(l.events)
	}
	return l
}

// Expect names the results of an event.
func (l *Log) Expect(what string, results ...string) {
	for _, result := range results {
		l.events.WithLabelValues(what, result)
	}
}

// Record writes an event down and counts it.
func (l *Log) Record(e Event) {
	l.events.WithLabelValues(e.What, e.Result).Inc()
	l.lines.Info().EmbedObject(e).Msg(message(e.What))
}

// MarshalZerologObject has the fields of an event's line.
func (e Event) MarshalZerologObject(line *zerolog.Event) {
	optional := func(field, value string) {
		if value != "" {
			line.Str(field, value)
		}
	}
	line.Str("security", e.What)
	optional("actor_kind", e.Actor.Kind)
	optional("actor_id", e.Actor.ID)
	optional("actor_name", e.Actor.Name)
	optional("for", e.For)
	if e.What == SignIn { // empty: what was typed is none
		line.Str("tenant", e.Tenant).Str("extension", e.Extension).Str("device", e.Device)
	} else {
		optional("tenant", e.Tenant)
	}
	if !e.At.IsZero() {
		line.Time("at", e.At)
	}
	line.Str("from", e.From).Str("result", e.Result)
}

func message(what string) string {
	switch what {
	case SignIn:
		return "a device signs in"
	case AdministratorSignIn:
		return "an administrator signs in"
	case AdministratorSignOut:
		return "an administrator signs out"
	case LinkMade:
		return "a one-time link was made"
	case APIToken:
		return "an API token is refused"
	}
	return what
}
