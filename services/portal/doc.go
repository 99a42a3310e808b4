// Package portal is the PBX core's side of the softphone: what the extension page,
// the API and a softphone that signs in have in common.
//
// It has no database. What an extension is set to is what the last fact of each
// kind in the log says, and a change is one more fact. [Service] reads and makes
// them; packages api and web speak HTTP to it.
//
//	extension.go  what is shown and answered
//	errors.go     what can be in the way
package portal
