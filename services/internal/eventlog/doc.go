// Package eventlog is the one log of the system: a JetStream stream that holds everything that happened, in one order,
// the same for every reader, for ever.
//
// It has two kinds of event. Facts come from outside. Outcomes are what a worker decided about an event, which they
// name as their cause. Both are published to
//
//	softphone.<source>.<tenant>.<extension>.<Event>
//
// and stored by the stream's own subject transform as
//
//	log.<partition>.<source>.<tenant>.<extension>.<Event>
//
// All events of a tenant are in one partition, and a partition is the unit of order, of atomicity and of ownership for
// the workers that fold the log (package fold). The stream's second subject, fence.<worker>.<partition>, is not
// transformed; package fold explains it. A program that must order its publications about one extension has
// fence.<program>.<extension>@<tenant>, and publishes to it with each of them (package portal).
//
// The stream has no limit of age, count or bytes, because state is only ever as good as the log it can be folded from.
// Open refuses a stream that could have dropped an event. Direct gets are off: with three replicas, 213 of 3,000 of
// them, each right after an acknowledged publish, answered from the past.
//
// # What a look-up knows
//
// The stream's leader answers look-ups. It has every publication that was acknowledged, but not always every event
// that was delivered: another server may lead the consumer and be a moment ahead. So a decision because of an event
// looks up within [Log.AsOf], [Log.At] or [Log.LastFrom]. They answer as of the event's sequence or later, or not at
// all (present.go).
//
// A leader that was deposed and is cut off from the others answers from the past until it notices, for up to 20 s. It
// can store nothing. So whatever is final is stored on the condition that the basis of its decision still holds
// ([Expect]). [State] says how long ago the leader heard from the others: check it before you answer a stranger.
//
// Events that could not be processed go to a second stream, the dead letters, see [Log.RecordDead].
//
// As deployed, the log is in an account of its own, and a process reaches it through its account's imports (package
// accounts). It cannot create a consumer. Owners of partitions read with consumers from setup, reset to their
// checkpoint. All others, and owners without a consumer, look up one message after the other.
package eventlog
