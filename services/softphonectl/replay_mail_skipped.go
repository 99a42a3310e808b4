package softphonectl

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/mailer"
)

// mailNotice is a notice of something past that was skipped wrongly: it is shown, and
// not sent again.
const mailNotice = "notice"

// chooseSkipped finds the welcome e-mails that were skipped for want of a license, while
// the log says that there was one: from the event that asked for the e-mail until it
// was skipped, the license did not change, and it was in force. (The mailer once asked a
// server that did not know of the license yet.)
//
// Only an extension whose license is still the same needs one: a later license has an
// e-mail of its own. Of several, the first counts, so that whoever repairs, however
// often and at the same time, requests the same one.
func (m *mailReplay) chooseSkipped() (chosen []*resend, err error) {
	m.types = []string{events.EmailSkipped{}.EventName()}
	r, err := m.ranged(time.Now())
	if err != nil {
		return nil, err
	}
	skipped := map[events.Extension][]eventlog.Message{}
	err = replay.Scan(m.ctx, m.log, r, func(message eventlog.Message) error {
		if forWantOfALicense(message) {
			skipped[message.Extension()] = append(skipped[message.Extension()], message)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, of := range skipped {
		found, err := m.firstWrong(of)
		if err != nil {
			return nil, err
		}
		if found != nil {
			chosen = append(chosen, found)
		}
	}
	slices.SortFunc(chosen, func(a, b *resend) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Extension, b.Extension))
	})
	return chosen, nil
}

// forWantOfALicense says whether an e-mail was skipped for a reason that a read of the
// past gives.
func forWantOfALicense(m eventlog.Message) bool {
	e, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return false
	}
	data, is := e.Data.(events.EmailSkipped)
	return is && (data.Reason == mailer.ReasonNotCurrent || data.Reason == mailer.ReasonNotLicensed)
}

// firstWrong finds the first of an extension's skipped e-mails that was wrong and that
// the license in force still wants; nil: none was. A notice counts only where no welcome
// e-mail does.
func (m *mailReplay) firstWrong(skipped []eventlog.Message) (found *resend, err error) {
	var history []licensed
	for _, message := range skipped {
		if history == nil {
			if history, err = m.licenses(message); err != nil {
				return nil, err
			}
		}
		if !wronglySkipped(message, history) {
			continue
		}
		r := m.meant(message)
		if r == nil {
			if found == nil {
				found = m.notice(message)
			}
			continue
		}
		return r, m.each(message, events.Mailer, message.Sequence+1, func(later eventlog.Message) { r.later(later) })
	}
	return found, nil
}

// licensed is when a license was granted or revoked.
type licensed struct {
	sequence uint64
	granted  bool
}

// licenses are all changes of an extension's license.
func (m *mailReplay) licenses(of eventlog.Message) (history []licensed, err error) {
	err = m.each(of, events.License, 1, func(message eventlog.Message) {
		switch message.Name() {
		case events.LicenseGranted{}.EventName():
			history = append(history, licensed{message.Sequence, true})
		case events.LicenseRevoked{}.EventName():
			history = append(history, licensed{message.Sequence, false})
		}
	})
	return history, err
}

// wronglySkipped says whether a license was in force from an e-mail's cause until it was
// skipped, and still is, without a change. It is pure.
func wronglySkipped(skip eventlog.Message, history []licensed) bool {
	cause, err := strconv.ParseUint(skip.Header.Get(events.HeaderCause), 10, 64)
	if err != nil || len(history) == 0 {
		return false
	}
	last := history[len(history)-1]
	return last.granted && last.sequence <= cause
}

// each calls with all events of an extension that a worker told from a sequence on.
func (m *mailReplay) each(of eventlog.Message, worker string, from uint64, do func(eventlog.Message)) error {
	subject := events.OutcomesFilter(worker, of.Extension())
	last, err := m.log.LastOf(m.ctx, subject)
	if err != nil || last == nil {
		return err
	}
	for from <= last.Sequence {
		message, err := m.log.NextOf(m.ctx, from, subject)
		if err != nil || message == nil {
			return err
		}
		do(*message)
		from = message.Sequence + 1
	}
	return nil
}

// notice is what is shown of a notice.
func (m *mailReplay) notice(message eventlog.Message) *resend {
	e, err := events.Decode(message.Subject, message.Data)
	if err != nil {
		return nil
	}
	data, is := e.Data.(events.EmailSkipped)
	if !is {
		return nil
	}
	return &resend{
		Tenant: e.Extension.Tenant, Extension: e.Extension.Number, To: data.To, State: mailNotice,
		Was: e.EventName(), At: message.Time.UTC(), Reason: data.Kind + ": " + data.Reason,
	}
}
