// Package devicecounter is the worker that counts activations: which devices of an
// extension hold a seat under its license, and who may have one more.
//
// It reads what the license worker says, and from the PBX core DeviceSignedIn,
// DeviceRemoved, and SoftphoneDisabled and ExtensionDeleted themselves: from the
// moment one of these is in the log nobody is in, however long the license worker
// takes to say so. It tells DeviceActivated, DeviceActivationLimitReached,
// DeviceSignInRefused and DeviceDeactivated; a sign-in on a device that holds a
// seat is answered DeviceRecognized and leaves no trace in the log.
//
// Read decide.go for the rules, state.go for what is kept, service.go for how it
// runs.
package devicecounter
