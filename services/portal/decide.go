package portal

import (
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// decide keeps what a tenant's list shows of an extension, and what its devices sign in by. It
// is pure and tells nothing: the row is a view of the log.
func decide(s row, e events.Recorded) (row, fold.Decision) {
	s = s.changed(e)
	if counts(e.Data) {
		s.Counted = e.Sequence
	}
	return s, fold.Decision{}
}

// counts tells the events that the device counter reads. Its answer about an extension is
// current when it has read the last of these.
func counts(d events.Data) bool {
	switch d.(type) {
	case events.LicenseGranted, events.LicenseRevoked, events.SoftphoneDisabled, events.ExtensionDeleted, events.ExtensionErased,
		events.DeviceSignedIn, events.DeviceRemoved:
		return true
	}
	return false
}

func (s row) changed(e events.Recorded) row {
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
	case events.SoftphonePasswordReset:
		s.Reset = reset{ID: e.ID, At: e.Sequence}
	case events.LicenseGranted:
		s = s.granted(e, data)
	case events.LicenseEmailChanged:
		if data.LicenseID == s.LicenseID {
			s.Email = data.Email
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
	return s
}

// granted begins a license, unless it ended before it was granted. Of a password that was reset
// while the license was awaited, the last one counts.
func (s row) granted(e events.Recorded, data events.LicenseGranted) row {
	s.Granted = e.Sequence
	if !(events.LicenseHistory{Granted: e.Sequence, Cause: e.Cause, Closed: s.ClosedAt}).InForce() {
		return s
	}
	s.LicenseID, s.Used, s.Limit = data.LicenseID, 0, data.DeviceLimit
	s.Email, s.Username = data.Email, data.Username
	if s.Reset.At < e.Cause {
		s.Reset = reset{}
	}
	return s.queued(e)
}

// closed is a row when nobody is in; what was set stays, to suggest it.
func (s row) closed(at uint64) row {
	s.Enabled, s.LicenseID, s.Used, s.Limit, s.ClosedAt, s.Reset = false, "", 0, 0, at, reset{}
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
