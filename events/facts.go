package events

// Facts are what happened in the PBX core. Each lists its fields once, in fields: that list decodes, checks and
// encodes it. The json tags say the same to encoding/json; a test holds the two together.

// SoftphoneEnabled: an administrator clicked Enable App. Never with the password: that stays in the PBX core.
type SoftphoneEnabled struct {
	Email       string `json:"email"`
	Username    string `json:"username"`
	DisplayName string `json:"displayName"`
	Locale      string `json:"locale,omitempty"`      // BCP 47, "" unknown
	DeviceLimit int    `json:"deviceLimit,omitempty"` // 0 means DefaultDeviceLimit
}

// SoftphoneDisabled: an administrator clicked Disable App.
type SoftphoneDisabled struct {
	Reason string `json:"reason,omitempty"`
}

// ExtensionRenamed: the extension has a new display name.
type ExtensionRenamed struct {
	Name string `json:"name"`
}

// ExtensionDeleted: the extension is gone, and its license with it.
type ExtensionDeleted struct{}

// SoftphonePasswordReset: the password was changed. The person gets a notice, without the password.
type SoftphonePasswordReset struct{}

// DeviceSignedIn: the PBX core accepted the password of a device and asks whether it may have a seat.
type DeviceSignedIn struct {
	DeviceID   string `json:"deviceId"` // chosen by the app, stable for one installation
	Platform   string `json:"platform"` // one of the Platform constants
	DeviceName string `json:"deviceName,omitempty"`
	AppVersion string `json:"appVersion,omitempty"`
}

// DeviceRemoved: an administrator took a device's seat away.
type DeviceRemoved struct {
	DeviceID string `json:"deviceId"`
}

// WelcomeEmailRequested: the welcome e-mail is to be sent again.
type WelcomeEmailRequested struct{}

func (d *SoftphoneEnabled) fields(v visitor) {
	v.text("email", required, &d.Email, address)
	v.text("username", required, &d.Username, label)
	v.text("displayName", required, &d.DisplayName, label)
	v.text("locale", optional, &d.Locale, languageTag)
	v.number("deviceLimit", optional, &d.DeviceLimit, 1, MaxDeviceLimit)
}

func (d *SoftphoneDisabled) fields(v visitor) { v.text("reason", optional, &d.Reason, label) }

func (d *ExtensionRenamed) fields(v visitor) { v.text("name", required, &d.Name, label) }

func (d *ExtensionDeleted) fields(visitor) {}

func (d *SoftphonePasswordReset) fields(visitor) {}

func (d *DeviceSignedIn) fields(v visitor) {
	v.text("deviceId", required, &d.DeviceID, deviceID)
	v.text("platform", required, &d.Platform, platform)
	v.text("deviceName", optional, &d.DeviceName, label)
	v.text("appVersion", optional, &d.AppVersion, version)
}

func (d *DeviceRemoved) fields(v visitor) { v.text("deviceId", required, &d.DeviceID, deviceID) }

func (d *WelcomeEmailRequested) fields(visitor) {}

// EventName is the event's name in subjects and types.
func (SoftphoneEnabled) EventName() string       { return "SoftphoneEnabled" }
func (SoftphoneDisabled) EventName() string      { return "SoftphoneDisabled" }
func (ExtensionRenamed) EventName() string       { return "ExtensionRenamed" }
func (ExtensionDeleted) EventName() string       { return "ExtensionDeleted" }
func (SoftphonePasswordReset) EventName() string { return "SoftphonePasswordReset" }
func (DeviceSignedIn) EventName() string         { return "DeviceSignedIn" }
func (DeviceRemoved) EventName() string          { return "DeviceRemoved" }
func (WelcomeEmailRequested) EventName() string  { return "WelcomeEmailRequested" }

// Validate returns a *FieldError on the first field that breaks its rule, or nil.
func (d SoftphoneEnabled) Validate() error       { return check(&d) }
func (d SoftphoneDisabled) Validate() error      { return check(&d) }
func (d ExtensionRenamed) Validate() error       { return check(&d) }
func (d ExtensionDeleted) Validate() error       { return check(&d) }
func (d SoftphonePasswordReset) Validate() error { return check(&d) }
func (d DeviceSignedIn) Validate() error         { return check(&d) }
func (d DeviceRemoved) Validate() error          { return check(&d) }
func (d WelcomeEmailRequested) Validate() error  { return check(&d) }
