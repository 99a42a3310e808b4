// Package fold turns the log into state, one partition at a time, and tells what
// follows from it.
//
// A fold has one pure function, Decide: from a key's state and an event it makes
// the next state and at most one outcome. State lives in Redis, one hash a key
// and worker. Outcomes go back into the log. Redis and the log fail separately,
// and the owner of a partition may be paused anywhere and resumed an hour later
// beside its successor; still every event is decided exactly once, in order, and
// every outcome is told exactly once. This is how.
//
// # A tenure
//
// An owner holds a partition for a tenure. Whatever goes wrong ends the tenure,
// and the next begins at 1:
//
//  1. Fence. While the partition is its own (package ownership), the owner publishes to
//     fence.<worker>.<partition> and keeps that message's sequence F.
//  2. Where am I. It reads the checkpoint and holds it against the stream: same
//     creation time, not beyond its end, nothing that could have removed
//     history. Otherwise it refuses the partition with a [Refusal]. A leader of the
//     log that is behind looks like a log that lost its end: it is asked again for a
//     second, and refused when a majority of the servers confirms it.
//  3. What was told. It reads the worker's last outcome in the partition, as of F;
//     the cause that outcome names is told, and so is every cause before it.
//  4. Read. A reader starts at the checkpoint; its first message must be the
//     event the checkpoint recorded, by sequence and digest. Far behind the log's
//     end the owners of a process read together, see [eventlog.Feed].
//  5. Decide. It takes the messages that are there, at most [MaxBatch], loads
//     their states and, last in the same pipeline, the checkpoint. A checkpoint
//     that is not its own ends the tenure before anything is decided.
//  6. Tell. It publishes the outcomes whose cause is after told, in order: a few
//     one by one, stopping at the first error; more in one batch, atomic or, where
//     the log is set up for it, fast. Each publication expects F to be the last
//     sequence on the fence.
//  7. Commit. One script compares the checkpoint with the one loaded in 5 and
//     replaces states and checkpoint.
//  8. Answer whoever wants to know, and go to 5.
//
// # Why nothing is doubled, lost or wrong
//
// Decisions are right because states are: a state is only read together with the
// checkpoint it was committed with (5) and only replaced if that checkpoint still
// stands (7), so it is always the fold of exactly the events up to it. Redis may
// be emptied or set back to any older copy; the copy has its own checkpoint, and
// folding goes on from there.
//
// Outcomes are told once because the fence orders owners: one that published
// after a later owner's fence would expect a sequence that is no longer the last,
// and the server refuses it. So when an owner reads told after its own fence, no
// outcome of an earlier owner can still be on its way. And told is a prefix,
// because outcomes are published in the order of their causes and the first error
// stops (measured: PublishAsync breaks this, 7 of 12 servers killed during it
// stored a late message without an earlier one).
//
// Both guards are needed. With either left out, a minute of pauses, kills and
// Redis put back gave dozens of outcomes that were wrong, doubled or missing.
//
// Who owns a partition is decided elsewhere (package ownership), only so that two
// owners do not waste their work; nothing here depends on that being right.
//
// # Repairs
//
// Somebody may change a state in Redis by hand, or lose one hash of it. No owner
// can see that, unless the state cannot be read. [Replay] folds the log in memory,
// by the same code; [States] compares, and repairs while the owner works. Its
// comment says why that is safe.
//
// # What is not guaranteed
//
// Answers are sent at most once. A server that acknowledged and then lost its
// tail is noticed when its sequences are used again or an owner starts; what was
// lost stays lost, and the partition is refused. Redis must keep or lose a
// partition's keys together: never evict (noeviction), never expire.
package fold
