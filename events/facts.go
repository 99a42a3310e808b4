package events

// Facts are what happened in the PBX core. Each lists its fields once, in fields: that list decodes, checks and
// encodes it. The json tags say the same to encoding/json; a test holds the two together.

// SoftphoneEnabled says that an administrator clicked Enable App. Never with the password: that stays in the PBX core.
type SoftphoneEnabled struct {
	Email       string `json:"email"`
	Username    string `json:"username"`
	DisplayName string `json:"displayName"`
	Locale      string `json:"locale,omitempty"`      // BCP 47, "" unknown
	DeviceLimit int    `json:"deviceLimit,omitempty"` // 0 means DefaultDeviceLimit
}

// SoftphoneDisabled says that an administrator clicked Disable App.
type SoftphoneDisabled struct {
	Reason string `json:"reason,omitempty"`
}

// ExtensionRenamed says that the extension has a new display name.
type ExtensionRenamed struct {
	Name string `json:"name"`
}

// ExtensionDeleted says that the extension is gone, and its license with it.
type ExtensionDeleted struct{}

// SoftphonePasswordReset says that the password was changed. The person gets a notice, without the password.
type SoftphonePasswordReset struct{}

// SoftphoneEmailChanged says that the e-mail address of the license in force was corrected. The license, its devices and
// the password stay. Where none is in force, or the address is the same, nothing follows from it.
type SoftphoneEmailChanged struct {
	Email string `json:"email"`
}

// DeviceSignedIn says that the PBX core accepted the password of a device and asks whether it may have a seat.
type DeviceSignedIn struct {
	DeviceID   string `json:"deviceId"` // chosen by the app, stable for one installation
	Platform   string `json:"platform"` // one of the Platform constants
	DeviceName string `json:"deviceName,omitempty"`
	AppVersion string `json:"appVersion,omitempty"`
}

// DeviceRemoved says that an administrator took a device's seat away.
type DeviceRemoved struct {
	DeviceID string `json:"deviceId"`
}

// WelcomeEmailRequested says that the welcome e-mail is wanted again.
type WelcomeEmailRequested struct{}

func (d *SoftphoneEnabled) fields(v visitor) {
	v.text("email", required, &d.Email, address)
	v.text("username", required, &d.Username, name)
	v.text("displayName", required, &d.DisplayName, name)
	v.text("locale", optional, &d.Locale, languageTag)
	v.number("deviceLimit", optional, &d.DeviceLimit, 1, MaxDeviceLimit)
}

func (d *SoftphoneDisabled) fields(v visitor) { v.text("reason", optional, &d.Reason, label) }

func (d *ExtensionRenamed) fields(v visitor) { v.text("name", required, &d.Name, name) }

func (d *ExtensionDeleted) fields(visitor) {}

func (d *SoftphonePasswordReset) fields(visitor) {}

func (d *SoftphoneEmailChanged) fields(v visitor) { v.text("email", required, &d.Email, address) }

func (d *DeviceSignedIn) fields(v visitor) {
	v.text("deviceId", required, &d.DeviceID, deviceID)
	v.text("platform", required, &d.Platform, platform)
	v.text("deviceName", optional, &d.DeviceName, label)
	v.text("appVersion", optional, &d.AppVersion, version)
}

func (d *DeviceRemoved) fields(v visitor) { v.text("deviceId", required, &d.DeviceID, deviceID) }

func (d *WelcomeEmailRequested) fields(visitor) {}
