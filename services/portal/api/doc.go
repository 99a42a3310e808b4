// Package api is the portal as JSON over HTTP, under /api/v1: for softphones that
// sign in, for tools that administer, and for PBX cores that publish facts without
// NATS. openapi.yaml describes it, and a test holds the two together.
//
// Every error is a problem of RFC 9457 (problem.go has the table). Administrative
// calls carry an API token, softphones the token of their sign-in, both as
// "Authorization: Bearer …". There are no cookies, so there is nothing a foreign page
// could ride on.
//
//	api.go        routes
//	admin.go      what administrators do
//	softphone.go  what softphones do
//	stream.go     what a softphone is told
//	publish.go    facts of a PBX core
package api
