// Package eventlog is the one log of the system: a JetStream stream that holds
// everything that happened, in one order, the same for every reader, for ever.
//
// Two kinds of event are in it. Facts come from outside; outcomes are what a
// worker made of an event, and name it as their cause. Both are published to
//
//	softphone.<source>.<tenant>.<extension>.<Event>
//
// and stored by the stream's own subject transform as
//
//	log.<partition>.<source>.<tenant>.<extension>.<Event>
//
// The two middle tokens are the key of an event. All events of a tenant are in one
// partition, and a partition is the unit of order, of atomicity and of ownership
// for the workers that fold the log (package fold). The stream's second subject,
// fence.<worker>.<partition>, is not transformed; package fold explains it. A program
// that must order what it says of one key has fence.<program>.<extension>@<tenant>,
// which moves with every such message (package portal).
//
// The stream has no limit of age, count or bytes, because state is only ever as
// good as the log it can be folded from again. Open refuses a stream that could
// have dropped an event. Direct gets are off: with three replicas, 213 of 3,000
// of them, each right after an acknowledged publish, answered from the past.
//
// # What a look-up knows
//
// Look-ups are answered by the stream's leader, which has every publication that was
// acknowledged. It need not have every event that was delivered: a consumer is led by
// another server, and that one may be a moment ahead. So whoever decides something on
// account of an event looks it up within [Log.AsOf], [Log.At] or [Log.LastFrom], which
// answer at the event's sequence or later, or not at all (present.go).
//
// A leader that was deposed and is cut off from the others answers from the past until
// it notices, for up to 20 s. It can store nothing, so what is final is stored on the
// condition that what it was decided by still holds ([Expect]). [State] says how long ago
// the leader heard from the others: whoever answers a stranger looks at that.
//
// What could not be processed goes to a second stream, the dead letters, see
// [Log.RecordDead].
//
// As deployed, the log is in an account of its own, and a process reaches it through
// what its account imports (package accounts). It can make no consumer: owners of
// partitions read with those that setup made, put to their checkpoint, and everybody
// else, or without them, with one look-up after the other.
package eventlog
