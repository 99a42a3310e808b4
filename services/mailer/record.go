package mailer

import (
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
)

// record is the state of an extension's mails that the next one is decided from. It
// is a fold of the mailer's own events, in their order.
type record struct {
	done     bool            // the cause at hand has its outcome
	deferred int             // the highest number of attempts published of it
	failed   map[string]bool // by address in lower case: a mail to it failed for good, and none was sent since
	reached  map[string]bool // likewise: a mail to it was sent at some time
	noticed  bool            // another cause had a notice of the device limit within a day
	followed bool            // the cause that the one at hand follows has its outcome; see [cause.follows]
}

// add takes the next event, whose cause is the one at hand or not.
func (r *record) add(e events.Event, at events.Event, mine bool) {
	switch data := e.Data.(type) {
	case events.EmailSent:
		r.done = r.done || mine
		r.mark(data.To, false)
		r.reach(data.To)
		r.notice(data.Kind, e, at, mine)
	case events.EmailFailed:
		r.done = r.done || mine
		if delivery.RecipientGone(data.SMTPCode, data.EnhancedCode, data.Reason) {
			r.mark(data.To, true)
		}
		r.notice(data.Kind, e, at, mine)
	case events.EmailSkipped:
		r.done = r.done || mine
		r.notice(data.Kind, e, at, mine)
	case events.EmailDeferred:
		if mine {
			r.deferred = max(r.deferred, data.Attempts)
		}
		r.notice(data.Kind, e, at, mine)
	case events.EmailBounced:
		if data.Action == events.ActionFailed && delivery.RecipientGone(data.SMTPCode, data.EnhancedCode, data.Reason) {
			r.mark(data.To, true)
		}
	}
}

func (r *record) mark(address string, failed bool) {
	if r.failed == nil {
		r.failed = map[string]bool{}
	}
	r.failed[strings.ToLower(address)] = failed
}

func (r *record) reach(address string) {
	if r.reached == nil {
		r.reached = map[string]bool{}
	}
	r.reached[strings.ToLower(address)] = true
}

func (r *record) notice(kind string, e, at events.Event, mine bool) {
	if !mine && kind == events.KindDeviceLimitReached && within(day, e.Time, at.Time) {
		r.noticed = true
	}
}

func within(d time.Duration, a, b time.Time) bool { return a.Sub(b).Abs() < d }
