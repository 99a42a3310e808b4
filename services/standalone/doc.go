// Package standalone is the whole system in one process, for trying it out and for
// working on it: the workers, the servers they need, and a mail catcher.
//
// The servers are real: a JetStream server that writes every message to the disk
// before it acknowledges it, and a redis-server child with an append-only file. An
// outside server replaces an embedded one when its URL is set. Where no
// redis-server is installed, one inside the process takes its place; that is honest
// because the log, which is kept, rebuilds the state at the next start.
//
// The workers are the ones that run in production, with the same configuration:
// every variable of theirs works here too.
package standalone
