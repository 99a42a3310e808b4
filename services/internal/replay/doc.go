// Package replay reads the log and replays it, for whoever operates the system:
// the command line uses it, and any page may.
//
// Reading changes nothing and disturbs nobody: [Scan] reads a range in order,
// [Overview] says how the workers are. Replaying holds what a worker did against
// what its rules make of the log now: [State] compares what it keeps in Redis, and
// repairs it on request; [Decisions] compares what it told. Both go through a log of
// ordinary length once, and through a longer one for a few partitions after the other:
// their memory is bounded by the keys of these, whatever the length of the log. Both
// can be interrupted and go on with the partitions that are left, reading the log
// again for these; in a log of ordinary length all are left until near its end.
//
// [Copy] publishes facts into another log, [Export] and [Import] write the log to
// a file and back. Each of them may be interrupted and repeated: what is there
// already is not written again.
//
// The log may have holes, messages that are no events, and events that cannot be
// read. They are reported, and reading goes on.
package replay
