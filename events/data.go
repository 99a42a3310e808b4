//nolint:revive // The two methods say the same on every type; Data documents them.
package events

// Data is what an event says: one of the types of this package, as a value (SoftphoneEnabled{…}, not a pointer).
type Data interface {
	EventName() string // the event's name in subjects and types
	Validate() error   // a *FieldError on the first field that breaks its rule, or nil
}

func (SoftphoneEnabled) EventName() string             { return "SoftphoneEnabled" }
func (SoftphoneDisabled) EventName() string            { return "SoftphoneDisabled" }
func (ExtensionRenamed) EventName() string             { return "ExtensionRenamed" }
func (ExtensionDeleted) EventName() string             { return "ExtensionDeleted" }
func (SoftphonePasswordReset) EventName() string       { return "SoftphonePasswordReset" }
func (SoftphoneEmailChanged) EventName() string        { return "SoftphoneEmailChanged" }
func (DeviceSignedIn) EventName() string               { return "DeviceSignedIn" }
func (DeviceRemoved) EventName() string                { return "DeviceRemoved" }
func (WelcomeEmailRequested) EventName() string        { return "WelcomeEmailRequested" }
func (LicenseGranted) EventName() string               { return "LicenseGranted" }
func (LicenseRevoked) EventName() string               { return "LicenseRevoked" }
func (LicenseEmailChanged) EventName() string          { return "LicenseEmailChanged" }
func (DeviceActivated) EventName() string              { return "DeviceActivated" }
func (DeviceActivationLimitReached) EventName() string { return "DeviceActivationLimitReached" }
func (DeviceSignInRefused) EventName() string          { return "DeviceSignInRefused" }
func (DeviceDeactivated) EventName() string            { return "DeviceDeactivated" }
func (EmailSent) EventName() string                    { return "EmailSent" }
func (EmailFailed) EventName() string                  { return "EmailFailed" }
func (EmailSkipped) EventName() string                 { return "EmailSkipped" }
func (EmailDeferred) EventName() string                { return "EmailDeferred" }
func (EmailBounced) EventName() string                 { return "EmailBounced" }
func (SoftphoneRenamed) EventName() string             { return "SoftphoneRenamed" }
func (ExtensionErased) EventName() string              { return "ExtensionErased" }

func (d SoftphoneEnabled) Validate() error             { return check(&d) }
func (d SoftphoneDisabled) Validate() error            { return check(&d) }
func (d ExtensionRenamed) Validate() error             { return check(&d) }
func (d ExtensionDeleted) Validate() error             { return check(&d) }
func (d SoftphonePasswordReset) Validate() error       { return check(&d) }
func (d SoftphoneEmailChanged) Validate() error        { return check(&d) }
func (d DeviceSignedIn) Validate() error               { return check(&d) }
func (d DeviceRemoved) Validate() error                { return check(&d) }
func (d WelcomeEmailRequested) Validate() error        { return check(&d) }
func (d LicenseGranted) Validate() error               { return check(&d) }
func (d LicenseRevoked) Validate() error               { return check(&d) }
func (d LicenseEmailChanged) Validate() error          { return check(&d) }
func (d DeviceActivated) Validate() error              { return check(&d) }
func (d DeviceActivationLimitReached) Validate() error { return check(&d) }
func (d DeviceSignInRefused) Validate() error          { return check(&d) }
func (d DeviceDeactivated) Validate() error            { return check(&d) }
func (d EmailSent) Validate() error                    { return check(&d) }
func (d EmailFailed) Validate() error                  { return check(&d) }
func (d EmailSkipped) Validate() error                 { return check(&d) }
func (d EmailDeferred) Validate() error                { return check(&d) }
func (d EmailBounced) Validate() error                 { return check(&d) }
func (d SoftphoneRenamed) Validate() error             { return check(&d) }
func (d ExtensionErased) Validate() error              { return check(&d) }
