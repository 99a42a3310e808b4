package mailer

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// States of an e-mail.
const (
	StateQueued   = "queued"   // not tried yet
	StateRetrying = "retrying" // tried and failed, will be tried again
	StateSent     = "sent"
	StateFailed   = "failed"
	StateSkipped  = "skipped"
)

// Answer is the reply of ask.mailer.get.
type Answer struct {
	Current bool    `json:"current"` // whether everything in the log is in this answer
	Emails  []Email `json:"emails"`  // newest first, at most maxEmails
}

// Email is one mail of an extension.
type Email struct {
	Kind        string     `json:"kind"`
	State       string     `json:"state"`
	To          string     `json:"to,omitempty"`
	MessageID   string     `json:"messageId,omitempty"`
	At          time.Time  `json:"at"` // of the state
	Reason      string     `json:"reason,omitempty"`
	SMTPCode    int        `json:"smtpCode,omitempty"`
	Attempts    int        `json:"attempts,omitempty"`
	NextAttempt *time.Time `json:"nextAttempt,omitempty"`
}

const maxEmails = 20

// emails answers a question from the log.
func (m *mailer) emails(ctx context.Context, about events.Extension) (any, error) {
	history, err := m.history(ctx, about)
	if err != nil {
		return nil, err
	}
	answer := Answer{Current: history.current, Emails: []Email{}}
	for _, mail := range slices.Backward(history.mails) {
		if len(answer.Emails) == maxEmails {
			break
		}
		answer.Emails = append(answer.Emails, m.show(ctx, mail))
	}
	return answer, nil
}

// show adds to a mail without outcome what is known of its attempts.
func (m *mailer) show(ctx context.Context, mail mailed) Email {
	if mail.State != StateQueued {
		return mail.Email
	}
	mail.MessageID = m.brands.MessageID(mail.cause.Extension.Tenant, mail.cause.ID)
	if r, failed := m.retries.get(ctx, mail.cause); failed {
		mail.State, mail.Attempts, mail.NextAttempt, mail.Reason, mail.At = StateRetrying, r.Attempts, &r.Next, r.Reason, r.At
	}
	return mail.Email
}

// history reads all that the log has of an extension's mails. The log is read
// forward only, and an extension has few of them. It may be read from a replica
// that is behind, so it is held against the last sequences the leader tells.
func (m *mailer) history(ctx context.Context, about events.Extension) (history, error) {
	h := history{byCause: map[string]int{}}
	key := eventlog.Key(about.Tenant + "." + about.Number)
	partition := key.Partition(events.Partitions)
	filters := []string{eventlog.OutcomesOf(partition, events.Mailer, key)}
	for _, input := range inputs() {
		filters = append(filters, input.Of(partition, key))
	}
	last, err := m.lastOf(ctx, filters)
	if err != nil {
		return h, err
	}
	reader, err := m.log.Read(ctx, "mailer-ask-"+nuid.Next(), 1, filters...)
	if err != nil {
		return h, err
	}
	defer reader.Close()
	for left := int(reader.Pending()); left > 0; {
		batch, err := reader.Batch(ctx, left, time.Second)
		if err != nil {
			return h, err
		}
		for _, message := range batch {
			h.add(message)
		}
		left -= len(batch)
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

// history of an extension's mails, in the order of what caused them.
type history struct {
	mails   []mailed
	byCause map[string]int // index by the cause's id
	to      string         // of the last license so far
	last    uint64         // sequence
	current bool
}

type mailed struct {
	Email
	cause cause
}

// add takes what cannot be read for nothing: it is a dead letter.
func (h *history) add(m eventlog.Message) {
	h.last = m.Sequence
	c, err := read(m)
	if err != nil {
		return
	}
	if c.Source == events.Mailer {
		h.settle(m, c.Data)
		return
	}
	if granted, ok := c.Data.(events.LicenseGranted); ok {
		h.to = granted.Email
	}
	if _, again := h.byCause[c.ID]; again {
		return
	}
	h.byCause[c.ID] = len(h.mails)
	h.mails = append(h.mails, mailed{cause: c, Email: Email{
		Kind: string(kindOf(c.Data)), State: StateQueued, To: h.to, At: m.Time.UTC(),
	}})
}

// settle gives a mail its outcome.
func (h *history) settle(m eventlog.Message, data events.Data) {
	i, known := h.byCause[m.Header.Get(events.HeaderCauseID)]
	if !known {
		return
	}
	at := m.Time.UTC()
	switch d := data.(type) {
	case events.EmailSent:
		h.mails[i].Email = Email{d.Kind, StateSent, d.To, d.MessageID, at, d.Reason, d.SMTPCode, 0, nil}
	case events.EmailFailed:
		h.mails[i].Email = Email{d.Kind, StateFailed, d.To, d.MessageID, at, d.Reason, d.SMTPCode, 0, nil}
	case events.EmailSkipped:
		h.mails[i].Email = Email{d.Kind, StateSkipped, d.To, d.MessageID, at, d.Reason, d.SMTPCode, 0, nil}
	}
}
