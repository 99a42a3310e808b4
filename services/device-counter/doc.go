// Package devicecounter is the worker that counts activations: which devices of an extension hold a seat under its
// license, and whether another one may have a seat.
//
// It reads the license worker's outcomes, and from the PBX core DeviceSignedIn, DeviceRemoved, SoftphoneDisabled and
// ExtensionDeleted themselves: once one of the last two is in the log no device is signed in, however long the license
// worker takes to decide. It publishes DeviceActivated, DeviceActivationLimitReached, DeviceSignInRefused and
// DeviceDeactivated. A sign-in on a device that holds a seat is answered DeviceRecognized and leaves no trace in the
// log.
//
// Read decide.go for the rules, state.go for the state, service.go for how it runs.
package devicecounter
