package portal

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/mycloudpbx/softphone/events"
)

// What people type and paste is put in order here, before a fact is made of it: a letter with its
// accent is one character (Unicode's form NFC), as most keyboards write it, and nothing is at either
// end that nobody sees. So the same name is the same text in every fact of the portal. A PBX core
// that publishes to the log itself may write otherwise; whoever compares texts normalizes both
// sides (see matches).

// cleanName also takes out the characters that turn the direction of text: who pastes a name does
// not see them, and a device of a person who writes Hebrew or Arabic has some in its name. Pages and
// mails isolate names instead.
func cleanName(s string) string {
	return cleanText(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s))
}

// cleanText leaves s as it is when it is not UTF-8: package events refuses it.
func cleanText(s string) string {
	return strings.TrimFunc(norm.NFC.String(s), events.IsInvisible)
}

// cleanData is what a fact says, put in order.
func cleanData(data events.Data) events.Data {
	switch d := data.(type) {
	case events.SoftphoneEnabled:
		d.Email, d.Username, d.DisplayName = cleanText(d.Email), cleanName(d.Username), cleanName(d.DisplayName)
		return d
	case events.SoftphoneEmailChanged:
		d.Email = cleanText(d.Email)
		return d
	case events.ExtensionRenamed:
		d.Name = cleanName(d.Name)
		return d
	case events.DeviceSignedIn:
		d.DeviceName = cleanName(d.DeviceName)
		return d
	}
	return data
}

// foldText is what a search compares: neither case nor how a letter is composed matters.
func foldText(s string) string { return strings.ToLower(norm.NFC.String(s)) }
