package portal

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// Phrase says what happened in plain words: in turn the portal's own and somebody else's, such as a name or the answer of
// a mail server, which a page isolates from what is around it.
type Phrase []string

// String is the whole phrase.
func (p Phrase) String() string { return strings.Join(p, "") }

// words says what happened, without its actor and its time.
func words(data events.Data) Phrase {
	switch e := data.(type) {
	case events.SoftphoneEnabled:
		return Phrase{"App enabled for ", e.Email, upTo(e.DeviceLimit)}
	case events.SoftphoneDisabled:
		return because("App disabled", e.Reason)
	case events.ExtensionRenamed:
		return Phrase{"Name set to “", e.Name, "”"}
	case events.ExtensionDeleted:
		return Phrase{"Extension deleted"}
	case events.SoftphonePasswordReset:
		return Phrase{"Password reset"}
	case events.SoftphoneEmailChanged:
		return Phrase{"E-mail address set to ", e.Email}
	case events.DeviceSignedIn:
		return Phrase{"Password accepted from ", deviceName(e.DeviceName, e.DeviceID), kindOf(e.Platform)}
	case events.DeviceRemoved:
		return Phrase{"Device removed: ", e.DeviceID}
	case events.WelcomeEmailRequested:
		return Phrase{"Welcome e-mail requested again"}
	case events.ExtensionErased:
		return Phrase{"Personal data erased: " + count(e.Messages, "event")}
	}
	return outcomeWords(data)
}

func outcomeWords(data events.Data) Phrase {
	switch e := data.(type) {
	case events.LicenseGranted:
		return Phrase{"License granted to ", e.Username, upTo(e.DeviceLimit)}
	case events.LicenseRevoked:
		return because("License revoked", e.Reason)
	case events.LicenseEmailChanged:
		return Phrase{"E-mail address changed from ", e.PreviousEmail, " to ", e.Email}
	case events.DeviceActivated:
		return Phrase{"Signed in: ", deviceName(e.DeviceName, e.DeviceID), kindOf(e.Platform) + inUse(e.Used, e.Limit)}
	case events.DeviceActivationLimitReached:
		return Phrase{
			"Device Activation Limit Reached: ", deviceName(e.DeviceName, e.DeviceID), kindOf(e.Platform) + " was refused" + inUse(e.Used, e.Limit),
		}
	case events.DeviceSignInRefused:
		return Phrase{"Sign-in refused: the app is not enabled"}
	case events.DeviceDeactivated:
		return Phrase{"Signed out: ", e.DeviceID, inUse(e.Used, e.Limit)}
	case events.SoftphoneRenamed:
		return Phrase{"The app shows the name “", e.Name, "”"}
	}
	return mailWords(data)
}

func mailWords(data events.Data) Phrase {
	switch e := data.(type) {
	case events.EmailSent:
		return Phrase{mailKind(e.Kind) + " sent to ", e.To}
	case events.EmailFailed:
		return Phrase{mailKind(e.Kind) + " to ", e.To, " failed: ", MailReason(e.Reason, e.SMTPCode, e.EnhancedCode)}
	case events.EmailSkipped:
		return Phrase{mailKind(e.Kind) + " not sent: ", skipped(e.Reason)}
	case events.EmailDeferred:
		return Phrase{
			mailKind(e.Kind) + " to ", e.To, " not sent yet, after " + count(e.Attempts, "attempt") + ": ",
			MailReason(e.Reason, e.SMTPCode, e.EnhancedCode),
		}
	case events.EmailBounced:
		how := " bounced: "
		if e.Action == events.ActionDelayed {
			how = " is delayed: "
		}
		return Phrase{mailKind(e.Kind) + " to ", e.To, how, MailReason(e.Reason, e.SMTPCode, e.EnhancedCode)}
	}
	return Phrase{data.EventName()}
}

func mailKind(kind string) string {
	switch kind {
	case events.KindWelcome:
		return "Welcome e-mail"
	case events.KindPasswordChanged:
		return "Notice of the new password"
	case events.KindDeviceLimitReached:
		return "Notice of the refused device"
	case events.KindEmailChanged:
		return "Notice of the new e-mail address"
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
	case "email_changed":
		return "the e-mail address was changed"
	case "recipient_not_reached":
		return "no e-mail ever reached this address"
	}
	return reason
}

// MailReason is the mail server's words, with its code when they do not have it.
func MailReason(text string, smtp int, enhanced string) string {
	code := enhanced
	if code == "" && smtp > 0 {
		code = strconv.Itoa(smtp)
	}
	if code == "" || strings.Contains(text, code) {
		return text
	}
	return strings.TrimSpace(strings.TrimRight(text, ".") + " (" + code + ")")
}

func deviceName(name, id string) string { return cmp.Or(name, id) }

// kindOf is the kind of a device in brackets; "" for one that says nothing of it.
func kindOf(platform string) string {
	kind := map[string]string{
		events.PlatformMac: "Mac", events.PlatformIPhone: "iPhone", events.PlatformWindows: "Windows", events.PlatformAndroid: "Android",
	}[platform]
	if kind == "" {
		return ""
	}
	return " (" + kind + ")"
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

func because(what, reason string) Phrase {
	if reason == "" {
		return Phrase{what}
	}
	return Phrase{what + " (", reason, ")"}
}
