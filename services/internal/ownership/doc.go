// Package ownership spreads a fixed number of partitions over the replicas of a worker, so that each partition has one
// owner nearly always.
//
// # How
//
// Every replica publishes a beat on owners.<worker>, a plain NATS subject that all replicas of the worker read, twice
// and a half a second: its name, its process, whether it can work, and whom it has heard. From the beats each replica
// knows which replicas live, and from that list alone it works out who owns which partition: a pure function (assign)
// that gives every replica the same answer. Nothing is stored, and nothing has to be elected or to expire.
//
//   - A replica that starts says hello, is answered at once by all others, listens for a moment and takes its share.
//   - One that stops says goodbye, and the others take its share at once.
//   - One that died or hangs is not heard any more. After the silence, 2 s, the others take its share.
//   - One that cannot work, because it does not reach Redis, says so, and the others take its share. When nobody can
//     work, nothing moves.
//   - Whoever is heard by somebody counts as living for all. Two NATS servers of a cluster that do not reach each other,
//     but both reach a third, would otherwise show their clients two different lists.
//
// A replica trusts its list only while its own beats come back to it. Without them it takes no partition, but its owners
// go on: their next publication decides.
//
// # Why it is safe
//
// It is not, and need not be: no lease is. A replica can be paused between looking whether it owns a partition and
// working on it, for longer than any silence, and two lists may differ for a moment. So ownership here is for efficiency
// alone: with it two owners of a partition are rare. What they *do* is guarded by the fence in the log and by the compare
// in Redis (package fold); there a second owner costs time and nothing else. Because of that a new owner does not wait
// until the old one has ended: its fence ends it.
//
// # Why not leases in a key-value bucket
//
// There were, until they were measured. After a NATS server dies, every raft group that it led elects for 4 to 9 s. The
// bucket was one more group to wait for, and an owner whose log was writable lost its lease to it. The lease of a killed
// replica had to expire first: 10 s, also for one that was alone and back at once. Sixteen keys were renewed one after
// the other, and on a slow link the last ones were not renewed in time. And reading the keys took the right to create
// consumers.
//
// # What NATS must allow
//
// A worker's user publishes and subscribes to owners.<worker>. Whoever may publish there can take a worker's partitions
// away from it, so nobody else may.
package ownership
