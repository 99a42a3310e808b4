// Package replay reads the log and replays it, for operations: the command line uses it, and a page may.
//
// Reading changes nothing and disturbs no worker: [Scan] reads a range in order, [Overview] shows the state of the
// workers. A replay compares what a worker did with what its rules make of the log now: [State] compares its states in
// Redis, and repairs them on request; [Decisions] compares its outcomes. Both read a log of ordinary length once, and
// a longer one for a few partitions at a time: their memory is bounded by the extensions of these partitions, whatever
// the length of the log. Both can be interrupted and resume with the remaining partitions, reading the log again for
// them; in a log of ordinary length no partition is done until near its end.
//
// [Copy] publishes facts into another log, [Export] and [Import] write the log to a file and back. Each may be
// interrupted and repeated: what is already there is not written again.
//
// The log may have holes, messages that are not events, and events that cannot be read. They are reported, and reading
// continues.
package replay
