package mailer

import (
	"context"
	"slices"

	"github.com/mycloudpbx/softphone/events"
)

// States of an e-mail.
const (
	StateQueued   = "queued"   // not tried yet
	StateRetrying = "retrying" // tried and failed, will be tried again
	StateSent     = "sent"     // the mail server has it
	StateFailed   = "failed"   // it will not be sent
	StateSkipped  = "skipped"  // there was no reason to send it
	StateBounced  = "bounced"  // sent, and then a server further on could not deliver it
	StateDead     = "dead"     // could not even be tried: a dead letter
)

// maxEmails is how many an answer has.
const maxEmails = 20

// emails answers a question from the log.
func (m *mailer) emails(ctx context.Context, asked events.Question) (any, error) {
	history, err := m.history(ctx, asked.About())
	if err != nil {
		return nil, err
	}
	answer := events.EmailsAnswer{Current: history.current, Emails: []events.Email{}}
	for _, mail := range slices.Backward(history.mails) {
		if len(answer.Emails) == maxEmails {
			break
		}
		shown, err := m.show(ctx, mail)
		if err != nil {
			return nil, err
		}
		shown.CorrectAddress = shown.To == history.to && blamesAddress(shown)
		answer.Emails = append(answer.Emails, shown)
	}
	return answer, nil
}

// show adds to a mail without an end what is known besides the log, and to every
// mail what to do.
func (m *mailer) show(ctx context.Context, mail mailed) (events.Email, error) {
	if mail.State == StateQueued || mail.State == StateRetrying {
		if mail.MessageID == "" {
			mail.MessageID = m.brands.MessageID(mail.cause.Extension.Tenant, mail.cause.mailID())
		}
		if err := m.waiting(ctx, &mail); err != nil {
			return events.Email{}, err
		}
	}
	if mail.Advice == "" {
		mail.Advice = advice(mail.Email)
	}
	return mail.Email, nil
}

// waiting says why a mail without an end has none.
func (m *mailer) waiting(ctx context.Context, mail *mailed) error {
	durable := events.Mailer
	if mail.Kind == events.KindDeviceLimitReached || mail.Kind == events.KindEmailChanged {
		durable = NoticesDurable
	}
	letter, err := m.log.FindDead(ctx, durable, mail.cause.delivered)
	if err != nil {
		return err
	}
	if letter != nil {
		mail.State, mail.Reason, mail.At, mail.NextAttempt = StateDead, reason(letter.Reason), letter.At, nil
		return nil
	}
	if r, failed := m.retries.get(ctx, mail.cause); failed && r.Attempts >= mail.Attempts {
		mail.State, mail.Attempts, mail.NextAttempt, mail.At = StateRetrying, r.Attempts, &r.Next, r.At
		mail.Reason, mail.SMTPCode, mail.EnhancedCode = r.Reason, r.SMTPCode, r.EnhancedCode
	}
	if mail.State != StateQueued {
		return nil
	}
	if mail.Reason = m.senders.reason(m.from(mail.cause.Extension.Tenant)); mail.Reason != "" {
		mail.Advice = adviceSender
		return nil
	}
	mail.Reason = m.paused.reason()
	return nil
}
