package softphonectl

import (
	"fmt"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// describe says a decision in one line: its name, and what a person wants to know of it.
func describe(d events.Decision) string {
	switch d.Outcome {
	case events.Invalid:
		return d.Outcome + ": " + d.Reason
	case events.DeviceRecognized:
		return d.Outcome + ": this device is already signed in"
	case events.AlreadyEnabled:
		return d.Outcome + ": a license is already in force"
	case events.NothingToDo:
		return d.Outcome + ": nothing changed"
	}
	data, err := events.DecodeData(d.Outcome, d.Data)
	if err != nil { // of a newer contract than this program's
		return strings.TrimSpace(d.Outcome + " " + string(d.Data))
	}
	return d.Outcome + ": " + outcome(data)
}

func outcome(data events.Data) string {
	switch o := data.(type) {
	case events.LicenseGranted:
		return fmt.Sprintf("license %s for %s, up to %d devices", o.LicenseID, o.Username, o.DeviceLimit)
	case events.LicenseRevoked:
		return "license " + o.LicenseID + because(o.Reason)
	case events.LicenseEmailChanged:
		return fmt.Sprintf("license %s for <%s>, no longer <%s>", o.LicenseID, o.Email, o.PreviousEmail)
	case events.DeviceActivated:
		return fmt.Sprintf("%s is signed in, %d of %d devices", o.DeviceID, o.Used, o.Limit)
	case events.DeviceActivationLimitReached:
		return fmt.Sprintf("%s is refused, %d of %d devices are signed in: %s", o.DeviceID, o.Used, o.Limit, seats(o.Devices))
	case events.DeviceSignInRefused:
		return o.DeviceID + " is refused" + because(o.Reason)
	case events.DeviceDeactivated:
		return fmt.Sprintf("%s is removed, %d of %d devices", o.DeviceID, o.Used, o.Limit)
	case events.ExtensionErased:
		return fmt.Sprintf("%s erased by %s", plural(uint64(o.Messages), "event"), o.By)
	case events.SoftphoneRenamed:
		return fmt.Sprintf("shown as %q", o.Name)
	}
	return "done"
}

// said is an event in a few words, without its name.
func said(data events.Data) string {
	switch e := data.(type) {
	case events.SoftphoneEnabled:
		limit := ""
		if e.DeviceLimit > 0 {
			limit = fmt.Sprintf(", up to %d devices", e.DeviceLimit)
		}
		return fmt.Sprintf("for %s <%s>%s", e.Username, e.Email, limit)
	case events.SoftphoneDisabled:
		return strings.TrimSpace(because(e.Reason))
	case events.SoftphoneEmailChanged:
		return fmt.Sprintf("<%s>", e.Email)
	case events.ExtensionRenamed:
		return fmt.Sprintf("%q", e.Name)
	case events.DeviceSignedIn:
		return fmt.Sprintf("%s (%s)", e.DeviceID, e.Platform)
	case events.DeviceRemoved:
		return e.DeviceID
	case events.EmailSent:
		return fmt.Sprintf("%s to %s", e.Kind, e.To)
	case events.EmailFailed:
		return fmt.Sprintf("%s to %s%s", e.Kind, e.To, because(e.Reason))
	case events.EmailSkipped:
		return e.Kind + because(e.Reason)
	case events.EmailDeferred:
		return fmt.Sprintf("%s to %s%s, next try %s", e.Kind, e.To, because(e.Reason), stamp(e.NextAttempt))
	case events.EmailBounced:
		return fmt.Sprintf("%s %s to %s%s", e.Action, e.Kind, e.To, because(e.Reason))
	case events.ExtensionDeleted, events.SoftphonePasswordReset, events.WelcomeEmailRequested:
		return ""
	}
	return outcome(data)
}

func seats(devices []events.Seat) string {
	ids := make([]string, len(devices))
	for i, d := range devices {
		ids[i] = d.DeviceID
	}
	return strings.Join(ids, ", ")
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}
