// Package events is the contract of the softphone system: what happens is an event, and every event is in one log.
//
// # Facts and outcomes
//
// A fact is something that happened, in the PBX core or at the portal: an administrator enabled the softphone, a device
// signed in. An outcome is what a worker decided about it: a license was granted, a device took a seat. Both are an [Event]: who says
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
// The source says who published it, so that permissions are one line each and nobody can speak for somebody else: [PBX]
// for facts of a PBX core, [Portal] for those of the portal, the worker's name for outcomes. A fact is a fact from either;
// the last one of a kind is the later of both. Facts of the portal name their [Actor]. Where an event
// is about the tenant itself, "@" ([AboutTenant]) stands in place of the extension; there is none yet.
//
// # Partitions
//
// The stream computes the partition from the tenant alone ([PartitionOf]), so that a tenant and all its extensions have
// one order and one owner, and a rule about a tenant can be decided exactly. The price is skew: the largest tenant is
// in one partition. Measured as the largest partition's share of all load, the median of 400 draws of names (an even
// share is 6.3 % of 16, 1.6 % of 64):
//
//	tenants                        largest tenant   of 16 partitions   of 64 partitions
//	10,000 of equal size                    0.0 %              6.7 %              1.9 %
//	10,000, log-normal, sigma 1.5           1.1 %              7.7 %              2.7 %
//	10,000, Zipf, exponent 1               10.2 %             15.2 %             11.3 %
//	1,000, log-normal, sigma 1.5            4.5 %             10.7 %              5.7 %
//	1,000, Zipf, exponent 1                13.4 %             18.0 %             14.3 %
//
// Where few tenants are large, four times as many partitions cannot take a tenant apart: they lower the largest share
// by a quarter or less, and cost four times the leases, fences and consumers, and smaller batches. Where tenants are
// alike, 16 are nearly even. One partition's owner folds about 20,000 events a second, all 16 on one machine no more
// than 24,000: a giant tenant has room. Hence 16.
//
// # Messages
//
// A message is one CloudEvents 1.0 event in structured JSON, at most [MaxSize] bytes. type is com.mycloudpbx.<Event>
// and subject is <tenant>/<extension>, both as in the message's subject. The id of a fact is a UUID of version 7 that
// its publisher makes; the id of an outcome derives from its worker and its cause, see [NewOutcome].
//
// Headers: every message has Nats-Msg-Id, the event's id. A fact may name in Softphone-Reply-To the subject that wants
// the [Decision]: one under _INBOX.<user>.answer., where the user is who publishes it. An outcome has Softphone-Cause and Softphone-Cause-Id.
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
