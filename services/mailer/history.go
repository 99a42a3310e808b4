package mailer

import (
	"context"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// history of an extension's mails, in the order of what caused them.
type history struct {
	mails   []mailed
	byCause map[string]int // index by the cause's id
	to      string         // of the last license so far
	last    uint64         // sequence
	current bool
}

type mailed struct {
	events.Email
	cause cause
}

// history reads all that the log has of an extension's mails. The log is read
// forward only, and an extension has few of them. It may be read from a replica
// that is behind, so it is compared with the last sequences of the leader. A leader
// that is cut off has those of the past, for up to 20 s: this is for display.
//
// Events of the device limit are not read, there may be thousands: the mail one of
// them asked for is known from what was published of it.
func (m *mailer) history(ctx context.Context, about events.Extension) (history, error) {
	h := history{byCause: map[string]int{}}
	filters := []string{events.OutcomesFilter(events.Mailer, about)}
	for _, input := range inputs() {
		filters = append(filters, input.Subject(about))
	}
	last, err := m.lastOf(ctx, filters)
	if err != nil {
		return h, err
	}
	if err := m.log.Each(ctx, 1, h.add, filters...); err != nil {
		return h, err
	}
	h.current = h.last >= last
	return h, nil
}

// lastOf is the last sequence under any of some subjects.
func (m *mailer) lastOf(ctx context.Context, subjects []string) (last uint64, err error) {
	for _, subject := range subjects {
		message, err := m.log.LastOf(ctx, subject)
		if err != nil {
			return 0, err
		}
		if message != nil {
			last = max(last, message.Sequence)
		}
	}
	return last, nil
}

// add takes what cannot be read for nothing: it is a dead letter.
func (h *history) add(m eventlog.Message) {
	h.last = m.Sequence
	c, err := read(m)
	if err != nil {
		return
	}
	if c.Source == events.Mailer {
		h.apply(m, c)
		return
	}
	if granted, ok := c.Data.(events.LicenseGranted); ok {
		h.to = granted.Email
	}
	if changed, ok := c.Data.(events.LicenseEmailChanged); ok {
		h.to = changed.Email
		if former, err := c.former(m, changed); err == nil {
			h.ask(former, m.Time, changed.PreviousEmail)
		}
	}
	h.ask(c, m.Time, h.to)
}

// ask begins a mail, unless the event is in the log a second time.
func (h *history) ask(c cause, stored time.Time, to string) {
	if _, again := h.byCause[c.ID]; !again {
		h.begin(c, events.Email{Kind: string(kindOf(c.Data)), State: StateQueued, To: to, Since: stored.UTC(), At: stored.UTC()})
	}
}

func (h *history) begin(c cause, e events.Email) {
	h.byCause[c.ID] = len(h.mails)
	h.mails = append(h.mails, mailed{cause: c, Email: e})
}

// apply applies an event of the mailer to its mail.
func (h *history) apply(m eventlog.Message, c cause) {
	id := m.Header.Get(events.HeaderCauseID)
	if _, known := h.byCause[id]; !known {
		h.begin(causeOf(m, c), events.Email{State: StateQueued, Since: c.Time})
	}
	mail := &h.mails[h.byCause[id]].Email
	at, since := m.Time.UTC(), mail.Since
	switch d := c.Data.(type) {
	case events.EmailSent:
		*mail = events.Email{
			Kind: d.Kind, State: StateSent, To: d.To, MessageID: d.MessageID, At: at,
			Reason: d.Reason, SMTPCode: d.SMTPCode, QueueID: d.QueueID,
		}
	case events.EmailFailed:
		*mail = events.Email{
			Kind: d.Kind, State: StateFailed, To: d.To, MessageID: d.MessageID, At: at,
			Reason: d.Reason, SMTPCode: d.SMTPCode, EnhancedCode: d.EnhancedCode,
		}
	case events.EmailSkipped:
		*mail = events.Email{
			Kind: d.Kind, State: StateSkipped, To: d.To, MessageID: d.MessageID, At: at, Reason: d.Reason, SMTPCode: d.SMTPCode,
		}
	case events.EmailDeferred:
		deferred(mail, d, at)
	case events.EmailBounced:
		bounced(mail, d, at)
	}
	mail.Since = since
}

// deferred applies a failed attempt. One after the mail's end is of a process that
// slept meanwhile.
func deferred(e *events.Email, d events.EmailDeferred, at time.Time) {
	if e.State != StateQueued && e.State != StateRetrying {
		return
	}
	*e = events.Email{
		Kind: d.Kind, State: StateRetrying, To: d.To, MessageID: d.MessageID, At: at,
		Reason: d.Reason, SMTPCode: d.SMTPCode, EnhancedCode: d.EnhancedCode, Attempts: d.Attempts, NextAttempt: &d.NextAttempt,
	}
}

// bounced applies a notification. A mail that is only late stays sent.
func bounced(e *events.Email, d events.EmailBounced, at time.Time) {
	if e.State == StateBounced {
		return
	}
	if d.Action == events.ActionFailed {
		e.State, e.At = StateBounced, at
	}
	e.Reason, e.SMTPCode, e.EnhancedCode = d.Reason, d.SMTPCode, d.EnhancedCode
}

// causeOf is what an event of ours says of its cause.
func causeOf(m eventlog.Message, published cause) cause {
	sequence, _ := strconv.ParseUint(m.Header.Get(events.HeaderCause), 10, 64) // 0: nothing is there
	return cause{
		Event:    events.Event{ID: m.Header.Get(events.HeaderCauseID), Time: published.Time, Extension: published.Extension},
		sequence: sequence, delivered: sequence, partition: published.partition,
	}
}
