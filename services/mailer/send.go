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

// from is the sender of a tenant's mails; of "", that of tenants without a sender of their own.
func (m *mailer) from(tenant string) string { return cmp.Or(m.sender, m.brands.Sender(tenant)) }

func (m *mailer) send(ctx context.Context, d react.Delivery, c cause, own *claim, p plan, published int) error {
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
	if err := events.NewOutcome(events.Mailer, c.Event, mail).Validate(); err != nil { // its outcome could not be published
		return react.Permanent(err)
	}
	if err := m.claim(ctx, c, own); err != nil {
		return err
	}
	receipt, err := m.client.Send(ctx, delivery.Envelope{
		From: from, OneOfMany: from != m.from(""), To: rendered.To, Bytes: rendered.Bytes, Ready: own.good,
	})
	if err != nil {
		return m.unsent(ctx, d, c, own, mail, published, err)
	}
	own.keep = true
	m.senders.taken(from)
	outcome, err := m.outcome(c, sent(mail, receipt))
	if err != nil { // then without the text of the answer
		if outcome, err = m.outcome(c, mail); err != nil {
			return react.Permanent(err)
		}
	}
	m.logger.Info().EmbedObject(about{d, mail.Kind, mail.To}).Msg("e-mail sent")
	return m.publish(ctx, d, c, outcome)
}

// claim takes a mail for this process. The error is for the runtime.
func (m *mailer) claim(ctx context.Context, c cause, own *claim) error {
	before, err := own.take(ctx)
	switch {
	case errors.Is(err, errClaimed):
		return react.Defer(err, m.guard.retryDelay(), react.NotTried)
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
func (m *mailer) unsent(ctx context.Context, d react.Delivery, c cause, own *claim, mail events.EmailSent, published int, err error) error {
	if busy, ok := errors.AsType[*delivery.Busy](err); ok {
		return react.Defer(busy, busy.After, react.NotTried)
	}
	if errors.Is(err, errLapsed) {
		return react.Defer(errLapsed, m.guard.retryDelay(), react.NotTried)
	}
	var failure *delivery.Failure
	if !errors.As(err, &failure) {
		return err // canceled
	}
	u := &unsent{c, mail, failure, published}
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

// giveUp publishes the failure of a mail at its deadline.
func (m *mailer) giveUp(ctx context.Context, d react.Delivery, last error) error {
	var u *unsent
	if !errors.As(last, &u) { // the relay is not to blame: this will pass, and then the mail is tried
		return last
	}
	err := m.conclude(ctx, d, u.cause, u.failed())
	if err == nil {
		m.retries.forget(ctx, u.cause)
	}
	return err
}

// postponed publishes a failed attempt that will be repeated, and keeps it for display.
// An outage of the relay is no mail's failure: nothing of it is published.
func (m *mailer) postponed(ctx context.Context, d react.Delivery, p react.Postponement) {
	var u *unsent
	if !errors.As(p.Err, &u) || u.failure.Verdict != delivery.Temporary {
		return
	}
	c := u.cause
	kept, _ := m.retries.get(ctx, c)
	attempts := max(kept.Attempts+1, u.published+1, d.Attempt)
	deferred := u.deferred(attempts, p.Next)
	m.retries.put(ctx, c, retry{
		Attempts: attempts, Next: deferred.NextAttempt, At: time.Now().UTC(),
		Reason: redact(deferred.Reason), SMTPCode: deferred.SMTPCode, EnhancedCode: deferred.EnhancedCode, // the bucket cannot be overwritten
	})
	if worthPublishing(attempts, u.published) {
		m.note(ctx, c, step(attempts), deferred)
	}
}
