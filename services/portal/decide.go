package portal

import (
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// decide keeps what a tenant's list shows of an extension. It is pure and tells
// nothing: the list is a view of the log.
func decide(s row, e events.Recorded) (row, fold.Decision) {
	switch data := e.Data.(type) {
	case events.ExtensionRenamed:
		s.Exists, s.Name = true, data.Name
	case events.SoftphoneEnabled:
		s.Exists, s.Name, s.Enabled = true, data.DisplayName, true
		if s.LicenseID == "" { // else this one grants nothing
			s.Email, s.Username = data.Email, data.Username
		}
	case events.SoftphoneDisabled:
		s = s.closed(e.Sequence)
	case events.ExtensionDeleted, events.ExtensionErased:
		s = row{ClosedAt: e.Sequence}
	case events.LicenseGranted:
		if e.Cause > s.ClosedAt {
			s.LicenseID, s.Used, s.Limit = data.LicenseID, 0, data.DeviceLimit
			s.Email, s.Username = data.Email, data.Username
			s = s.queued(e)
		}
	case events.DeviceActivated:
		s = s.seated(data.LicenseID, data.Used)
	case events.DeviceDeactivated:
		s = s.seated(data.LicenseID, data.Used)
	case events.WelcomeEmailRequested:
		if s.LicenseID != "" {
			s = s.queued(e)
		}
	case events.EmailSent:
		s = s.mailed(e, data.Kind, MailSent, data.Reason)
	case events.EmailFailed:
		s = s.mailed(e, data.Kind, MailFailed, data.Reason)
	case events.EmailSkipped:
		s = s.mailed(e, data.Kind, MailSkipped, data.Reason)
	case events.EmailDeferred:
		if s.Mail.State == MailQueued || s.Mail.State == MailRetrying { // else told by one that slept through the end
			s = s.mailed(e, data.Kind, MailRetrying, data.Reason)
		}
	case events.EmailBounced:
		if data.Action == events.ActionFailed { // else it is late, and still on its way
			s = s.mailed(e, events.KindWelcome, MailBounced, data.Reason) // its cause says which; it may not know the kind
		}
	}
	return s, fold.Decision{}
}

// closed is a row when nobody is in; what was set stays, to suggest it.
func (s row) closed(at uint64) row {
	s.Enabled, s.LicenseID, s.Used, s.Limit, s.ClosedAt = false, "", 0, 0, at
	return s
}

// seated takes a count of the license in force.
func (s row) seated(licenseID string, used int) row {
	if s.LicenseID == licenseID && s.LicenseID != "" {
		s.Used = used
	}
	return s
}

// queued begins a welcome e-mail.
func (s row) queued(cause events.Recorded) row {
	s.Mail = mail{State: MailQueued, To: s.Email, Cause: cause.Sequence, At: cause.Time.Truncate(time.Millisecond)}
	return s
}

// mailed is what became of it; an earlier one's end says nothing of a later one.
func (s row) mailed(e events.Recorded, kind, state, reason string) row {
	if kind == events.KindWelcome && e.Cause == s.Mail.Cause && s.Mail.Cause > 0 {
		s.Mail.State, s.Mail.Reason, s.Mail.At = state, reason, e.Time.Truncate(time.Millisecond)
	}
	return s
}
