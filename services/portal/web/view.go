package web

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// maxDots is up to how many seats are drawn one by one.
const maxDots = 10

// seats says how many of a license's seats are taken.
type seats struct{ Used, Limit int }

func newSeats(used, limit int) *seats {
	if limit == 0 {
		return nil
	}
	return &seats{used, limit}
}

func (s seats) String() string { return fmt.Sprintf("%d of %d", s.Used, s.Limit) }

// Full tells whether a further device is turned away.
func (s seats) Full() bool { return s.Used >= s.Limit }

// Dots are the seats, each taken or not; none when there are too many to draw.
func (s seats) Dots() []bool {
	if s.Limit > maxDots {
		return nil
	}
	dots := make([]bool, s.Limit)
	for i := range min(s.Used, s.Limit) {
		dots[i] = true
	}
	return dots
}

// moment is a time as a page has it; the script shows it in the reader's zone.
type moment struct{ time.Time }

// ISO is for machines.
func (m moment) ISO() string { return m.UTC().Format(time.RFC3339) }

func (m moment) String() string { return m.UTC().Format("2 Jan, 15:04 UTC") }

// mail is the state of an e-mail.
type mail struct {
	Tone, Icon  string
	Word        string // "Sent", "Queued", …
	Since       bool   // At is when it began
	At          moment // of the state
	Why, Advice string // it is not sent, or late
	Attempts    int
	Next        *moment
	Correct     bool // the advice is to correct the address
}

func newMail(e *portal.Email) *mail {
	if e == nil {
		return nil
	}
	m := &mail{
		Tone: "wait", Icon: "clock", At: moment{e.At}, Why: sentence(portal.MailReason(e.Reason, e.SMTPCode, e.EnhancedCode)), Advice: sentence(e.Advice), Attempts: e.Attempts,
		Correct: e.CorrectAddress,
	}
	if e.Next != nil {
		m.Next = &moment{*e.Next}
	}
	if waits := e.State == portal.MailRetrying || e.State == portal.MailQueued && e.Reason != ""; waits && !e.Since.IsZero() {
		m.Since, m.At = true, moment{e.Since}
	}
	switch e.State {
	case portal.MailQueued:
		m.Word = "Queued"
		if e.Reason != "" {
			m.Tone, m.Word = "warn", "Waiting"
		}
	case portal.MailRetrying:
		m.Tone, m.Icon, m.Word = "warn", "recycle", "Retrying"
	case portal.MailSent:
		m.Tone, m.Icon, m.Word = "good", "check", "Sent"
		if e.Advice == "" { // else it is late
			m.Why = ""
		}
	case portal.MailSkipped:
		m.Icon, m.Word, m.Why = "mail", "Not sent", skipped(e.Reason)
	case portal.MailBounced:
		m.Tone, m.Icon, m.Word = "bad", "alert", "Came back"
	default:
		m.Tone, m.Icon, m.Word = "bad", "alert", "Failed"
	}
	return m
}

// skipped says why there was no reason to send it.
func skipped(reason string) string {
	switch reason {
	case "recipient_failed":
		return "An earlier mail to this address failed for good"
	case events.ReasonNotLicensed:
		return "The app was not enabled"
	case "email_changed":
		return "The e-mail address was changed"
	default:
		return "The license was no longer in force"
	}
}

// device holds a seat.
type device struct {
	ID, Icon, Platform, Name string
	Since                    moment
}

func newDevices(of []portal.Device) (devices []device) {
	names := map[string]string{
		events.PlatformMac: "Mac", events.PlatformIPhone: "iPhone", events.PlatformWindows: "Windows", events.PlatformAndroid: "Android",
	}
	for _, d := range of {
		shown := device{ID: d.ID, Icon: d.Platform, Platform: names[d.Platform], Name: d.Name, Since: moment{d.Since}}
		if shown.Platform == "" {
			shown.Icon, shown.Platform = events.PlatformOther, "Other"
		}
		if shown.Name == "" {
			shown.Name = shown.Platform
		}
		devices = append(devices, shown)
	}
	return devices
}

// did says what a fact's publisher did.
func did(fact string) string {
	words := map[string]string{
		events.ExtensionRenamed{}.EventName():       "renamed the extension",
		events.ExtensionDeleted{}.EventName():       "deleted the extension",
		events.SoftphoneEnabled{}.EventName():       "enabled the app",
		events.SoftphoneDisabled{}.EventName():      "disabled the app",
		events.SoftphonePasswordReset{}.EventName(): "reset the password",
		events.SoftphoneEmailChanged{}.EventName():  "changed the e-mail address",
		events.DeviceSignedIn{}.EventName():         "signed a device in",
		events.DeviceRemoved{}.EventName():          "removed a device",
		events.WelcomeEmailRequested{}.EventName():  "sent the welcome e-mail again",
	}[fact]
	if words == "" {
		return "changed the extension"
	}
	return words
}

// sentence makes one of an error's text.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	return strings.TrimRight(text, ".")
}
