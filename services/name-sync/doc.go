// Package namesync is the worker that carries a new name to where it is shown.
//
// It has two halves. The fold keeps each extension's profile, the name its
// softphone shows: the display name it was enabled with, or the name of a later
// ExtensionRenamed, which it tells as SoftphoneRenamed for softphones that are
// signed in. The push, where an outside directory is configured, sends every
// SoftphoneRenamed there; see push.go for what the directory can rely on.
//
// Read decide.go for the rules, state.go for what is kept, service.go for how it
// runs.
package namesync
