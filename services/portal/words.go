package portal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// words says what happened, for people: a phrase without its actor and its time.
func words(data events.Data) string {
	switch e := data.(type) {
	case events.SoftphoneEnabled:
		return "App enabled for " + e.Email + upTo(e.DeviceLimit)
	case events.SoftphoneDisabled:
		return "App disabled" + because(e.Reason)
	case events.ExtensionRenamed:
		return "Name set to “" + e.Name + "”"
	case events.ExtensionDeleted:
		return "Extension deleted"
	case events.SoftphonePasswordReset:
		return "Password reset"
	case events.DeviceSignedIn:
		return "Password accepted from " + device(e.DeviceName, e.DeviceID, e.Platform)
	case events.DeviceRemoved:
		return "Device removed: " + e.DeviceID
	case events.WelcomeEmailRequested:
		return "Welcome e-mail requested again"
	case events.ExtensionErased:
		return "Personal data erased: " + count(e.Messages, "event")
	}
	return outcomeWords(data)
}

func outcomeWords(data events.Data) string {
	switch e := data.(type) {
	case events.LicenseGranted:
		return "License granted to " + e.Username + upTo(e.DeviceLimit)
	case events.LicenseRevoked:
		return "License revoked" + because(e.Reason)
	case events.DeviceActivated:
		return "Signed in: " + device(e.DeviceName, e.DeviceID, e.Platform) + inUse(e.Used, e.Limit)
	case events.DeviceActivationLimitReached:
		return "Device Activation Limit Reached: " + device(e.DeviceName, e.DeviceID, e.Platform) + " was refused" + inUse(e.Used, e.Limit)
	case events.DeviceSignInRefused:
		return "Sign-in refused: the app is not enabled"
	case events.DeviceDeactivated:
		return "Signed out: " + e.DeviceID + inUse(e.Used, e.Limit)
	case events.SoftphoneRenamed:
		return "The app shows the name “" + e.Name + "”"
	}
	return mailWords(data)
}

func mailWords(data events.Data) string {
	switch e := data.(type) {
	case events.EmailSent:
		return mailKind(e.Kind) + " sent to " + e.To
	case events.EmailFailed:
		return mailKind(e.Kind) + " to " + e.To + " failed: " + reason(e.Reason, e.SMTPCode, e.EnhancedCode)
	case events.EmailSkipped:
		return mailKind(e.Kind) + " not sent: " + skipped(e.Reason)
	case events.EmailDeferred:
		return mailKind(e.Kind) + " to " + e.To + " delayed after " + count(e.Attempts, "attempt") + ": " + reason(e.Reason, e.SMTPCode, e.EnhancedCode)
	case events.EmailBounced:
		how := " bounced: "
		if e.Action == events.ActionDelayed {
			how = " is late: "
		}
		return mailKind(e.Kind) + " to " + e.To + how + reason(e.Reason, e.SMTPCode, e.EnhancedCode)
	}
	return data.EventName()
}

func mailKind(kind string) string {
	switch kind {
	case events.KindWelcome:
		return "Welcome e-mail"
	case events.KindPasswordChanged:
		return "Notice of the new password"
	case events.KindDeviceLimitReached:
		return "Notice of the refused device"
	}
	return "E-mail"
}

// skipped says why there was no reason to send an e-mail any more.
func skipped(reason string) string {
	switch reason {
	case "recipient_failed":
		return "an earlier one to this address failed permanently"
	case events.ReasonNotLicensed:
		return "the app was not enabled"
	case "license_not_current":
		return "the license was no longer in force"
	}
	return reason
}

// reason is the mail server's words, with its code when they do not have it.
func reason(text string, smtp int, enhanced string) string {
	code := enhanced
	if code == "" && smtp > 0 {
		code = strconv.Itoa(smtp)
	}
	if code == "" || strings.Contains(text, code) {
		return text
	}
	return strings.TrimRight(text, ".") + " (" + code + ")"
}

func device(name, id, platform string) string {
	kind := map[string]string{
		events.PlatformMac: "Mac", events.PlatformIPhone: "iPhone", events.PlatformWindows: "Windows", events.PlatformAndroid: "Android",
	}[platform]
	if name == "" {
		name = id
	}
	if kind == "" {
		return name
	}
	return name + " (" + kind + ")"
}

func upTo(devices int) string {
	if devices == 0 {
		return ""
	}
	return ", up to " + count(devices, "device")
}

func inUse(used, limit int) string {
	return fmt.Sprintf(", %d of %s in use", used, count(limit, "device"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}
