package mailer

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/mailer/delivery"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// from is the sender of a tenant's mails; of "", that of whoever has none of their own.
func (m *mailer) from(tenant string) string { return cmp.Or(m.sender, m.brands.Sender(tenant)) }

func (m *mailer) send(ctx context.Context, d react.Delivery, c cause, own *claim, p plan, told int) error {
	from := m.from(c.Extension.Tenant)
	if wait, why := m.senders.enter(from); wait > 0 {
		return react.Defer(why, wait, react.NotTried)
	}
	rendered, err := m.brands.Render(letter.Letter{
		Kind: p.kind, Tenant: c.Extension.Tenant, To: p.license.Email, Name: p.license.DisplayName, Username: p.license.Username,
		Locale: p.license.Locale, DeviceLimit: p.license.DeviceLimit, Devices: p.devices, CauseID: c.mailID(), Date: d.Time,
	})
	if err != nil {
		return react.Permanent(err)
	}
	mail := events.EmailSent{
		Kind: string(p.kind), LicenseID: p.license.LicenseID, To: p.license.Email, MessageID: rendered.MessageID, SMTPCode: 250,
	}
	if err := events.NewOutcome(events.Mailer, c.Event, mail).Validate(); err != nil { // nobody could be told
		return react.Permanent(err)
	}
	if err := m.claim(ctx, c, own); err != nil {
		return err
	}
	receipt, err := m.client.Send(ctx, delivery.Envelope{
		From: from, OneOfMany: from != m.from(""), To: rendered.To, Bytes: rendered.Bytes, Ready: own.good,
	})
	if err != nil {
		return m.unsent(ctx, d, c, own, mail, told, err)
	}
	own.keep = true
	m.senders.taken(from)
	outcome, err := m.outcome(c, sent(mail, receipt))
	if err != nil { // then without the server's words
		if outcome, err = m.outcome(c, mail); err != nil {
			return react.Permanent(err)
		}
	}
	m.logger.Info().EmbedObject(about{d, mail.Kind, mail.To}).Msg("e-mail sent")
	return m.tell(ctx, d, c, outcome)
}

// claim takes a mail for this process. The error is for the runtime.
func (m *mailer) claim(ctx context.Context, c cause, own *claim) error {
	before, err := own.take(ctx)
	switch {
	case errors.Is(err, errClaimed):
		return react.Defer(err, m.guard.again(), react.NotTried)
	case err != nil:
		return react.Pause(err)
	case !before:
		return nil
	}
	r, err := m.record(ctx, c)
	if err == nil && r.done { // meanwhile
		err = react.Skip()
	}
	return err
}

// unsent turns a failure into what the runtime is to do.
func (m *mailer) unsent(ctx context.Context, d react.Delivery, c cause, own *claim, mail events.EmailSent, told int, err error) error {
	if busy, ok := errors.AsType[*delivery.Busy](err); ok {
		return react.Defer(busy, busy.After, react.NotTried)
	}
	if errors.Is(err, errLapsed) {
		return react.Defer(errLapsed, m.guard.again(), react.NotTried)
	}
	var failure *delivery.Failure
	if !errors.As(err, &failure) {
		return err // canceled
	}
	u := &unsent{mail, failure, told}
	switch failure.Verdict {
	case delivery.Final:
		err := m.conclude(ctx, d, c, u.failed())
		own.keep = err == nil
		return err
	case delivery.Unavailable:
		return react.Pause(u)
	case delivery.SenderRefused:
		return react.Defer(u, m.senders.refuse(m.from(c.Extension.Tenant), c.Extension.Tenant, u), react.Answered)
	default:
		return u
	}
}

// giveUp is the end of a mail's deadline.
func (m *mailer) giveUp(ctx context.Context, d react.Delivery, last error) error {
	var u *unsent
	if !errors.As(last, &u) { // not the relay's doing: this will pass, and then it is tried
		return last
	}
	c, err := read(d.Message)
	if err != nil {
		return react.Permanent(err)
	}
	err = m.conclude(ctx, d, c, u.failed())
	if err == nil {
		m.retries.forget(ctx, c)
	}
	return err
}

// postponed tells of a try that failed and will be repeated, and keeps it for
// display. An outage of the relay is not a mail's: of that the log has nothing.
func (m *mailer) postponed(ctx context.Context, d react.Delivery, p react.Postponement) {
	var u *unsent
	if !errors.As(p.Err, &u) || u.failure.Verdict != delivery.Temporary {
		return
	}
	c, err := read(d.Message)
	if err != nil {
		return
	}
	kept, _ := m.retries.get(ctx, c)
	tries := max(kept.Attempts+1, u.told+1, d.Attempt)
	told := u.deferred(tries, p.Next)
	m.retries.put(ctx, c, retry{
		Attempts: tries, Next: told.NextAttempt, At: time.Now().UTC(),
		Reason: redact(told.Reason), SMTPCode: told.SMTPCode, EnhancedCode: told.EnhancedCode, // the bucket cannot be overwritten
	})
	if worthTelling(tries, u.told) {
		m.note(ctx, c, step(tries), told)
	}
}
