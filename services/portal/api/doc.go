// Package api is the portal as JSON over HTTP, under /api/v1: for softphones that
// sign in, for tools that administer, and for PBX cores that publish facts without
// NATS. openapi.yaml describes it, and a test holds the two together.
//
// Every error is a problem of RFC 9457 (problem.go has the table). Administrative
// calls carry an API token, softphones the token of their sign-in, both as
// "Authorization: Bearer …". There are no cookies, so there is nothing a foreign page
// could ride on.
//
// # A fact over HTTP is the portal's
//
// POST /events publishes as the portal, with the API token as the actor, and not as a
// PBX core. The source in the log says who was let in to publish, and that is the
// portal here: the credentials of NATS that a PBX core has are no part of it. So what
// the log calls a PBX core's was published with a PBX core's own credentials, the
// portal needs no right to speak for one, and the log names which token it was. What the
// body says of an actor is refused. The workers decide a fact alike from either source.
//
//	api.go        routes
//	admin.go      what administrators do
//	softphone.go  what softphones do
//	stream.go     what a softphone is told
//	publish.go    facts of a PBX core
package api
