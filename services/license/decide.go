package license

import (
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// Decide grants and revokes. It is pure: a license's id is the id of the event
// that asked for it, its generation counts the extension's licenses from 1. A license
// in force whose address changes is the same one. Whoever reads its outcomes in the log
// tells by [events.LicenseHistory] whether a license is in force.
func Decide(s State, e events.Recorded) (State, Decision) {
	switch data := e.Data.(type) {
	case events.SoftphoneEnabled:
		return enable(s, e, data)
	case events.SoftphoneDisabled:
		return revoke(s, data.Reason)
	case events.SoftphoneEmailChanged:
		return readdress(s, data.Email)
	case events.ExtensionDeleted:
		return revoke(s, ReasonExtensionDeleted)
	case events.ExtensionErased: // the next license is one more, whatever was before it
		return State{Generation: data.Generation}, Decision{}
	}
	return s, Decision{}
}

// ReasonExtensionDeleted is why a license ends with its extension.
const ReasonExtensionDeleted = "extension_deleted"

func enable(s State, e events.Recorded, asked events.SoftphoneEnabled) (State, Decision) {
	if s.Active || s.LicenseID == e.ID {
		return s, Decision{Answer: events.AlreadyEnabled}
	}
	limit := asked.DeviceLimit
	if limit == 0 {
		limit = events.DefaultDeviceLimit
	}
	s = State{
		Active:      true,
		LicenseID:   e.ID,
		Generation:  s.Generation + 1,
		DeviceLimit: limit,
		Email:       asked.Email,
		Username:    asked.Username,
		DisplayName: asked.DisplayName,
		Locale:      asked.Locale,
		GrantedAt:   e.Time.Truncate(time.Millisecond), // as it is kept
	}
	return s, Decision{Outcome: events.LicenseGranted{
		LicenseID: s.LicenseID, Generation: s.Generation, DeviceLimit: s.DeviceLimit,
		Email: s.Email, Username: s.Username, DisplayName: s.DisplayName, Locale: s.Locale,
	}}
}

func readdress(s State, email string) (State, Decision) {
	if !s.Active || s.Email == email {
		return s, Decision{}
	}
	previous := s.Email
	s.Email = email
	return s, Decision{Outcome: events.LicenseEmailChanged{
		LicenseID: s.LicenseID, Generation: s.Generation, Email: email, PreviousEmail: previous,
	}}
}

func revoke(s State, reason string) (State, Decision) {
	if !s.Active {
		return s, Decision{}
	}
	s.Active = false
	return s, Decision{Outcome: events.LicenseRevoked{LicenseID: s.LicenseID, Generation: s.Generation, Reason: reason}}
}
