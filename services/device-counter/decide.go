package devicecounter

import (
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// Decide counts. It is pure.
func Decide(s State, e events.Recorded) (State, Decision) {
	switch data := e.Data.(type) {
	case events.LicenseGranted:
		return grant(s, e, data), Decision{}
	case events.LicenseRevoked:
		if data.LicenseID == s.LicenseID {
			s = s.closed()
		}
		return s, Decision{}
	case events.SoftphoneDisabled, events.ExtensionDeleted:
		s = s.closed()
		s.ClosedAt = e.Sequence
		return s, Decision{}
	case events.ExtensionErased: // licenses before it are of the past, as after a deletion
		return State{Generation: data.Generation, ClosedAt: e.Sequence}, Decision{}
	case events.DeviceSignedIn:
		return signIn(s, e, data)
	case events.DeviceRemoved:
		return remove(s, data)
	}
	return s, Decision{}
}

// grant begins a new count, unless the license is one of the past: the license
// worker may be slow, and what disabled the softphone meanwhile came later. It is the rule of
// [events.LicenseHistory], for one who sees every event in order.
func grant(s State, e events.Recorded, license events.LicenseGranted) State {
	if license.Generation <= s.Generation || e.Cause <= s.ClosedAt {
		return s
	}
	return State{
		LicenseID: license.LicenseID, Generation: license.Generation, Limit: license.DeviceLimit, ClosedAt: s.ClosedAt,
	}
}

func signIn(s State, e events.Recorded, asked events.DeviceSignedIn) (State, Decision) {
	if s.LicenseID == "" {
		return s, Decision{Outcome: events.DeviceSignInRefused{
			DeviceID: asked.DeviceID, Reason: events.ReasonNotLicensed,
		}}
	}
	if s.Devices.find(asked.DeviceID) >= 0 {
		return s, Decision{Answer: events.DeviceRecognized}
	}
	if len(s.Devices) >= s.Limit {
		return s, Decision{Outcome: events.DeviceActivationLimitReached{
			LicenseID: s.LicenseID, DeviceID: asked.DeviceID, Platform: asked.Platform, DeviceName: asked.DeviceName,
			Used: len(s.Devices), Limit: s.Limit, Devices: s.Devices[:min(len(s.Devices), events.MaxSeats)],
		}}
	}
	s.Devices = s.Devices.with(events.Seat{
		DeviceID: asked.DeviceID, Platform: asked.Platform, DeviceName: asked.DeviceName,
		ActivatedAt: e.Time.Truncate(time.Millisecond), // as it is kept
	})
	return s, Decision{Outcome: events.DeviceActivated{
		LicenseID: s.LicenseID, DeviceID: asked.DeviceID, Platform: asked.Platform, DeviceName: asked.DeviceName,
		Used: len(s.Devices), Limit: s.Limit,
	}}
}

func remove(s State, asked events.DeviceRemoved) (State, Decision) {
	at := s.Devices.find(asked.DeviceID)
	if at < 0 {
		return s, Decision{}
	}
	s.Devices = s.Devices.without(at)
	return s, Decision{Outcome: events.DeviceDeactivated{
		LicenseID: s.LicenseID, DeviceID: asked.DeviceID, Used: len(s.Devices), Limit: s.Limit,
	}}
}
