package events

import "time"

// Outcomes are what the workers decided. Their texts come from facts, so they keep the facts' rules.

// LicenseGranted is of license: the extension has a license, with a count of zero.
type LicenseGranted struct {
	LicenseID   string `json:"licenseId"`   // the id of the SoftphoneEnabled that caused it
	Generation  int    `json:"generation"`  // 1 for the extension's first license, then one more each
	DeviceLimit int    `json:"deviceLimit"` // never 0 here
	Email       string `json:"email"`
	Username    string `json:"username"`
	DisplayName string `json:"displayName"`
	Locale      string `json:"locale,omitempty"`
}

// LicenseRevoked is of license: the license is no longer in force.
type LicenseRevoked struct {
	LicenseID  string `json:"licenseId"`
	Generation int    `json:"generation"`
	Reason     string `json:"reason,omitempty"`
}

// LicenseEmailChanged is of license: the license in force has another e-mail address. It is the same license, of the same
// generation.
type LicenseEmailChanged struct {
	LicenseID     string `json:"licenseId"`
	Generation    int    `json:"generation"`
	Email         string `json:"email"`         // from now on
	PreviousEmail string `json:"previousEmail"` // until now
}

// DeviceActivated is of device-counter: a device not seen before under this license took a seat.
type DeviceActivated struct {
	LicenseID  string `json:"licenseId"`
	DeviceID   string `json:"deviceId"`
	Platform   string `json:"platform"`
	DeviceName string `json:"deviceName,omitempty"`
	Used       int    `json:"used"` // with this one
	Limit      int    `json:"limit"`
}

// DeviceActivationLimitReached is of device-counter: every seat is taken, the device is not in.
type DeviceActivationLimitReached struct {
	LicenseID  string `json:"licenseId"`
	DeviceID   string `json:"deviceId"`
	Platform   string `json:"platform"`
	DeviceName string `json:"deviceName,omitempty"`
	Used       int    `json:"used"`
	Limit      int    `json:"limit"`
	Devices    []Seat `json:"devices"` // who holds the seats, at most MaxSeats of them
}

// Seat is one device of a license.
type Seat struct {
	DeviceID    string    `json:"deviceId"`
	Platform    string    `json:"platform"`
	DeviceName  string    `json:"deviceName,omitempty"`
	ActivatedAt time.Time `json:"activatedAt"`
}

// DeviceSignInRefused is of device-counter: the device may not sign in at all.
type DeviceSignInRefused struct {
	DeviceID string `json:"deviceId"`
	Reason   string `json:"reason"` // ReasonNotLicensed
}

// DeviceDeactivated is of device-counter: the device lost its seat, which is free again.
type DeviceDeactivated struct {
	LicenseID string `json:"licenseId"`
	DeviceID  string `json:"deviceId"`
	Used      int    `json:"used"` // without this one
	Limit     int    `json:"limit"`
}

// EmailSent is of mailer: the mail server took the e-mail over. It is one of the three ends of a mail; the others are
// EmailFailed and EmailSkipped, and an event that asks for a mail has one of them, once.
type EmailSent struct {
	Kind      string `json:"kind"` // one of the Kind constants
	LicenseID string `json:"licenseId"`
	To        string `json:"to"`
	MessageID string `json:"messageId"`
	Reason    string `json:"reason,omitempty"` // the mail server's words
	SMTPCode  int    `json:"smtpCode,omitempty"`
	QueueID   string `json:"queueId,omitempty"` // what the mail server calls it
}

// EmailFailed is of mailer: the e-mail will not be sent, the mail server or the deadline said so.
type EmailFailed struct {
	Kind         string `json:"kind"`
	LicenseID    string `json:"licenseId"`
	To           string `json:"to"`
	MessageID    string `json:"messageId,omitempty"`
	Reason       string `json:"reason"`
	SMTPCode     int    `json:"smtpCode,omitempty"`     // 0 when the server gave none
	EnhancedCode string `json:"enhancedCode,omitempty"` // RFC 3463: 5.1.1
}

// EmailSkipped is of mailer: there was no reason to send it any more, for instance because the license is not in force.
type EmailSkipped struct {
	Kind      string `json:"kind"`
	LicenseID string `json:"licenseId,omitempty"`
	To        string `json:"to,omitempty"`
	MessageID string `json:"messageId,omitempty"`
	Reason    string `json:"reason"`
	SMTPCode  int    `json:"smtpCode,omitempty"`
}

// EmailDeferred is of mailer: the e-mail could not be sent and will be tried again. It is told of the tries 1, 2, 4, 8
// and so on, before the mail's end.
type EmailDeferred struct {
	Kind         string    `json:"kind"`
	LicenseID    string    `json:"licenseId"`
	To           string    `json:"to"`
	MessageID    string    `json:"messageId"`
	Reason       string    `json:"reason"`
	SMTPCode     int       `json:"smtpCode,omitempty"`
	EnhancedCode string    `json:"enhancedCode,omitempty"`
	Attempts     int       `json:"attempts"` // tries so far
	NextAttempt  time.Time `json:"nextAttempt"`
}

// EmailBounced is of mailer: the mail server took the e-mail over, and a server further on says that it is not delivered
// (RFC 3464). It comes after EmailSent, once for each mail, recipient and action.
type EmailBounced struct {
	Kind         string `json:"kind,omitempty"`
	LicenseID    string `json:"licenseId,omitempty"`
	To           string `json:"to"`
	MessageID    string `json:"messageId"` // of the e-mail that came back
	Reason       string `json:"reason"`
	EnhancedCode string `json:"enhancedCode,omitempty"`
	SMTPCode     int    `json:"smtpCode,omitempty"`
	Action       string `json:"action"` // ActionFailed or ActionDelayed
}

// SoftphoneRenamed is of name-sync: the softphone shows this name.
type SoftphoneRenamed struct {
	Name string `json:"name"`
}

func (d *LicenseGranted) fields(v visitor) {
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.number("generation", required, &d.Generation, 1, maxInteger)
	v.number("deviceLimit", required, &d.DeviceLimit, 1, MaxDeviceLimit)
	v.text("email", required, &d.Email, address)
	v.text("username", required, &d.Username, name)
	v.text("displayName", required, &d.DisplayName, name)
	v.text("locale", optional, &d.Locale, languageTag)
}

func (d *LicenseRevoked) fields(v visitor) {
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.number("generation", required, &d.Generation, 1, maxInteger)
	v.text("reason", optional, &d.Reason, label)
}

func (d *LicenseEmailChanged) fields(v visitor) {
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.number("generation", required, &d.Generation, 1, maxInteger)
	v.text("email", required, &d.Email, address)
	v.text("previousEmail", required, &d.PreviousEmail, address)
}

func (d *DeviceActivated) fields(v visitor) {
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.text("deviceId", required, &d.DeviceID, deviceID)
	v.text("platform", required, &d.Platform, platform)
	v.text("deviceName", optional, &d.DeviceName, label)
	v.number("used", required, &d.Used, 1, MaxDeviceLimit)
	v.number("limit", required, &d.Limit, 1, MaxDeviceLimit)
}

func (d *DeviceActivationLimitReached) fields(v visitor) {
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.text("deviceId", required, &d.DeviceID, deviceID)
	v.text("platform", required, &d.Platform, platform)
	v.text("deviceName", optional, &d.DeviceName, label)
	v.number("used", required, &d.Used, 1, MaxDeviceLimit)
	v.number("limit", required, &d.Limit, 1, MaxDeviceLimit)
	v.seats("devices", &d.Devices)
}

func (s *Seat) fields(v visitor) {
	v.text("deviceId", required, &s.DeviceID, deviceID)
	v.text("platform", required, &s.Platform, platform)
	v.text("deviceName", optional, &s.DeviceName, label)
	v.moment("activatedAt", &s.ActivatedAt)
}

func (d *DeviceSignInRefused) fields(v visitor) {
	v.text("deviceId", required, &d.DeviceID, deviceID)
	v.text("reason", required, &d.Reason, label)
}

func (d *DeviceDeactivated) fields(v visitor) {
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.text("deviceId", required, &d.DeviceID, deviceID)
	v.number("used", required, &d.Used, 0, MaxDeviceLimit)
	v.number("limit", required, &d.Limit, 1, MaxDeviceLimit)
}

func (d *EmailSent) fields(v visitor) {
	v.text("kind", required, &d.Kind, emailKind)
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.text("to", required, &d.To, address)
	v.text("messageId", required, &d.MessageID, messageID)
	v.text("reason", optional, &d.Reason, label)
	v.number("smtpCode", optional, &d.SMTPCode, minSMTPCode, maxSMTPCode)
	v.text("queueId", optional, &d.QueueID, label)
}

func (d *EmailFailed) fields(v visitor) {
	v.text("kind", required, &d.Kind, emailKind)
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.text("to", required, &d.To, address)
	v.text("messageId", optional, &d.MessageID, messageID)
	v.text("reason", required, &d.Reason, label)
	v.number("smtpCode", optional, &d.SMTPCode, minSMTPCode, maxSMTPCode)
	v.text("enhancedCode", optional, &d.EnhancedCode, enhancedCode)
}

func (d *EmailSkipped) fields(v visitor) {
	v.text("kind", required, &d.Kind, emailKind)
	v.text("licenseId", optional, &d.LicenseID, uuid)
	v.text("to", optional, &d.To, address)
	v.text("messageId", optional, &d.MessageID, messageID)
	v.text("reason", required, &d.Reason, label)
	v.number("smtpCode", optional, &d.SMTPCode, minSMTPCode, maxSMTPCode)
}

func (d *EmailDeferred) fields(v visitor) {
	v.text("kind", required, &d.Kind, emailKind)
	v.text("licenseId", required, &d.LicenseID, uuid)
	v.text("to", required, &d.To, address)
	v.text("messageId", required, &d.MessageID, messageID)
	v.text("reason", required, &d.Reason, label)
	v.number("smtpCode", optional, &d.SMTPCode, minSMTPCode, maxSMTPCode)
	v.text("enhancedCode", optional, &d.EnhancedCode, enhancedCode)
	v.number("attempts", required, &d.Attempts, 1, maxInteger)
	v.moment("nextAttempt", &d.NextAttempt)
}

func (d *EmailBounced) fields(v visitor) {
	v.text("kind", optional, &d.Kind, emailKind)
	v.text("licenseId", optional, &d.LicenseID, uuid)
	v.text("to", required, &d.To, address)
	v.text("messageId", required, &d.MessageID, messageID)
	v.text("reason", required, &d.Reason, label)
	v.text("enhancedCode", optional, &d.EnhancedCode, enhancedCode)
	v.number("smtpCode", optional, &d.SMTPCode, minSMTPCode, maxSMTPCode)
	v.text("action", required, &d.Action, action)
}

func (d *SoftphoneRenamed) fields(v visitor) { v.text("name", required, &d.Name, name) }
