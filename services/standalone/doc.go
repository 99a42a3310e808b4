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
//
// The embedded NATS server has one account and one user, not the account for each part
// that deploy/nats/nats.conf has. All workers run in this process, so whoever breaks into
// one of them has the memory, and with it the password, of all: accounts would separate
// nothing. Whoever has that password, which is in the data folder and readable by its
// owner alone, may do everything in NATS. The key that seals the softphones' passwords is
// a file beside it. Where one part must not be able to act as
// another, run the parts as separate processes, as deploy/README.md says.
package standalone
