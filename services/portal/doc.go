// Package portal is the PBX core's side of the softphone: what the extension page,
// the API and a softphone that signs in have in common.
//
// What an extension is set to is what the last fact of each kind in the log says, and a
// change is one more fact. [Service] reads and makes them; packages api and web speak
// HTTP to it. What it keeps itself can be made again from the log, a view in Redis, or opens
// nothing without it, the credentials.
//
//	extension.go  what is shown and answered
//	errors.go     what can be in the way
//	facts.go      what the log says of an extension
//	change.go     how a change is made: two administrators, and devices that sign in
//	standing.go   what devices sign in by: the view's row, and one look at the log
//	signin.go     a device signs in, from the attempt (admit.go) to its seat and token
//	list.go       the list of a tenant
//	history.go    what happened to an extension, from the log, in words (words.go)
//
// Package security writes down who came to a door, and package forwarded knows from where.
//
// # Signing in, while somebody tries passwords
//
// Failed sign-ins are counted by account and by address, with growing delays and no lock.
// An address from which the account itself signed in within 30 days counts on its own, so
// strangers who keep failing do not hold up people where they usually are. From a new
// place they do: who arrives there meanwhile has to hit the moment between two delays, of
// five minutes at most, or sign in where they have been before (throttle.go). What gets
// past the counters, one try each for many accounts from many addresses, meets the hasher:
// a few passwords are computed at a time, and who waits takes turns by network, those from
// where anybody signed in within 30 days first (credential/turns.go). So people where they
// usually are, and administrators, are not held up by a flood; who signs in from a new
// place during one may be told to try again.
// Against more than that, limit requests in front of the portal.
package portal
