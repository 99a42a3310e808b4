// Package events is the contract of the softphone system: what happens is an event, and every event is in one log.
//
// # Facts and outcomes
//
// A fact is something that happened in the PBX core: an administrator enabled the softphone, a device signed in. An
// outcome is what a worker decided about it: a license was granted, a device took a seat. Both are an [Event]: who says
// it ([Event.Source]), about which [Extension], when, and what ([Data], one Go type per event in facts.go and
// outcomes.go). No event carries a password or its hash, in any field.
//
// # Subjects
//
// An event is published to
//
//	softphone.<source>.<tenant>.<extension>.<Event>
//
// and the stream [Stream] stores it as
//
//	log.<partition>.<source>.<tenant>.<extension>.<Event>
//
// where the stream itself computes the partition from tenant and extension. The source is [PBX] for facts and the
// worker's name for outcomes, so that permissions are one line each.
//
// # Messages
//
// A message is one CloudEvents 1.0 event in structured JSON, at most [MaxSize] bytes. type is com.mycloudpbx.<Event>
// and subject is <tenant>/<extension>, both as in the message's subject. The id of a fact is a UUID of version 7 that
// its publisher makes; the id of an outcome derives from its worker and its cause, see [NewOutcome].
//
// Headers: every message has Nats-Msg-Id, the event's id. A fact may name in Softphone-Reply-To an _INBOX. subject
// that wants the [Decision]. An outcome has Softphone-Cause and Softphone-Cause-Id.
//
// # Publishing and reading
//
// A publisher makes an event with [NewFact], and sends the bytes of [Event.Encode] to [Event.Subject]. A reader gives
// subject and bytes to [Decode], skips what is [ErrUnknownEvent], and puts aside what is a [*FieldError]: it will never
// be right. Unknown fields are ignored, so the contract can grow.
//
// Publishers in other languages work from schema/*.json (JSON Schema 2020-12) and asyncapi.yaml (AsyncAPI 3.0), which
// a test holds to the Go types in both directions.
package events
