// Package workertest tests workers that read events of the contract.
//
// Of their rules, without any server: [Replay] holds them to recorded histories,
// [Check] to what package fold expects of them, that they are pure and that what
// they keep can be kept.
//
// Of the whole worker: a [World] is a real NATS and a real Redis, set up, in which
// any number of replicas run as they do in production, through the worker's own
// Run.
package workertest
