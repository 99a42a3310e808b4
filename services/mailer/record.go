package mailer

import (
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// record is what was told of an extension's mails, as far as the next one needs
// to know it. It is a fold of the mailer's own events, in their order.
type record struct {
	done     bool            // the cause at hand has its outcome
	deferred int             // the highest number of tries told of it
	failed   map[string]bool // addresses in lower case: a mail to it failed for good, and none was taken since
	noticed  bool            // another cause had a notice of the device limit within a day
}

// add takes the next event, whose cause is the one at hand or not.
func (r *record) add(e events.Event, at events.Event, mine bool) {
	switch data := e.Data.(type) {
	case events.EmailSent:
		r.done = r.done || mine
		r.mark(data.To, false)
		r.notice(data.Kind, e, at, mine)
	case events.EmailFailed:
		r.done = r.done || mine
		if recipientFailed(data.SMTPCode, data.EnhancedCode) {
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
		if data.Action == events.ActionFailed && recipientFailed(data.SMTPCode, data.EnhancedCode) {
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

func (r *record) notice(kind string, e, at events.Event, mine bool) {
	if !mine && kind == events.KindDeviceLimitReached && within(day, e.Time, at.Time) {
		r.noticed = true
	}
}

func within(d time.Duration, a, b time.Time) bool { return a.Sub(b).Abs() < d }

// recipientFailed says whether a mail failed because of its recipient, and for
// good, so that the next one to the same address would fail as well.
//
// An enhanced code tells (RFC 3463, section 3): a permanent one of the address
// (5.1), of the mailbox (5.2), of the way there (5.4) or of nothing in particular
// (5.0). One of the mail system, the protocol, the content or a policy says
// nothing of the next mail, nor does one of our own address (5.1.7, 5.1.8) or of
// the time that is over (5.4.7). Without one it is the code of the answer: no such
// mailbox (550, 551, 553), no such domain (556). A mail that was given up at its
// deadline has a temporary code or none: a full mailbox may be emptied, a server
// that was away comes back.
func recipientFailed(smtpCode int, enhanced string) bool {
	switch enhanced {
	case "":
	case "5.1.7", "5.1.8", "5.4.7":
		return false
	default:
		for _, about := range []string{"5.0.", "5.1.", "5.2.", "5.4."} {
			if strings.HasPrefix(enhanced, about) {
				return true
			}
		}
		return false
	}
	switch smtpCode {
	case 550, 551, 553, 556:
		return true
	}
	return false
}
