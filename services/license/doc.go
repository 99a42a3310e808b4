// Package license is the worker that grants and revokes softphone licenses.
//
// It reads SoftphoneEnabled, SoftphoneDisabled, SoftphoneEmailChanged, ExtensionDeleted and ExtensionErased, and publishes
// LicenseGranted, LicenseRevoked and LicenseEmailChanged. An extension has at most one license at a time. Each new one has
// the next generation, and with it a count of zero devices (package devicecounter). Another e-mail address makes no new
// license: the generation, the devices and the password stay.
//
// Read decide.go for the rules, state.go for the state, service.go for how it runs.
package license
