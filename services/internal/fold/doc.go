// Package fold turns the log into state, one partition at a time, and publishes the outcomes.
//
// A worker has one pure function, Decide: from an extension's state and an event it makes the next state and at most one
// outcome. The states are in Redis, one hash per extension and worker. The outcomes go back into the log. Redis and the
// log fail separately, and an owner of a partition may be paused anywhere and resume an hour later beside its successor.
// Still every event takes effect exactly once, in order, and every outcome is published exactly once.
//
// # A term
//
// An owner holds a partition for a term. Any fault ends the term, and the next term starts at step 1:
//
//  1. Fence. While this replica owns the partition (package ownership), the owner publishes to
//     fence.<worker>.<partition> and keeps that message's sequence F.
//  2. Position. It reads the checkpoint and compares it with the stream: same creation time, not beyond the stream's
//     end, nothing configured that could have removed history. Otherwise it refuses the partition with a [Refusal].
//     A leader that is behind looks like a log that lost its end: the owner asks again for a second, and refuses when
//     a majority of the servers confirms the leader.
//  3. Published. It reads the worker's last outcome in the partition, as of F. That outcome names its cause: outcomes
//     are published through this cause.
//  4. Read. A reader starts at the checkpoint. Its first message must be the event that the checkpoint recorded, by
//     sequence and digest. Far from the log's end the owners of a process read together, see [eventlog.Feed].
//  5. Decide. The owner takes the messages that have arrived, at most [MaxBatch], and loads their states and, last in
//     the same pipeline, the checkpoint. If that is not its own checkpoint, the term ends before anything is decided.
//  6. Publish. It publishes the outcomes whose cause comes after the one found in 3, in order: a few one by one,
//     stopping at the first error; more in one batch, atomic or, where the log is set up for it, fast. Each
//     publication expects F to be the last sequence on the fence.
//  7. Commit. One script compares the checkpoint with the one loaded in 5 and replaces states and checkpoint.
//  8. Answer the callers that asked for a decision, and go to 5.
//
// # Why nothing is doubled, lost or wrong
//
// Decisions are right because states are. A state is only read together with the checkpoint it was committed with (5)
// and only replaced if that checkpoint still stands (7), so it is always the fold of exactly the events up to its
// checkpoint. Redis may be emptied or set back to any older copy: the copy has its own checkpoint, and the fold
// continues from there.
//
// Outcomes are published once because the fence orders owners: one that published after a later owner's fence would
// expect a sequence that is no longer the last, and the server refuses it. So when an owner reads the last outcome after
// its own fence (3), no outcome of an earlier owner can still be on its way. And what is published is a prefix, because
// outcomes are published in the order of their causes and the first error stops (measured: PublishAsync breaks this, 7
// of 12 servers killed during it stored a late message without an earlier one).
//
// Both guards are needed. With either left out, a minute of pauses, kills and Redis put back gave dozens of outcomes
// that were wrong, doubled or missing.
//
// Package ownership decides who owns a partition, only so that two owners do not waste their work. Nothing here depends
// on that being right.
//
// # Repairs
//
// An operator may change a state in Redis by hand, and a single hash may get lost. An owner notices neither, unless it
// cannot read the state. [Replay] folds the log in memory, with the same code; [States] compares, and repairs while the
// owner works. The comment of States says why that is safe.
//
// # What is not guaranteed
//
// Answers are sent at most once. If a server acknowledged events and then lost its tail, that is noticed when its
// sequences are used again or an owner starts; the lost events stay lost, and the partition is refused. Redis must keep
// or lose all keys of a partition together: never evict (noeviction), never expire.
package fold
