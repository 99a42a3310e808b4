// Package erase deletes for good what the system keeps of an extension that was deleted: Regulation (EU) 2016/679,
// Article 17. It runs with the operator's login, the only one that may delete from the log.
//
// # The order, and why it is right
//
//  1. Plan. The log is read for events of the extension. It must be deleted, and its last license revoked.
//  2. Mark. ExtensionErased is stored, without a word of a person: how many events it covers and which, the generation
//     of the last license, and for the books when each license was in force, for how many devices. It covers every event
//     of the extension before it. The server takes it only while nothing at all was stored since the log was read, so no
//     event is covered that was not looked at.
//  3. Wait until every worker that folds has folded the marker.
//     After a restore (erase --again) no worker runs yet, and none is waited for: it will fold the log without the events.
//     What Redis had of before, it drops when it folds the marker. So erasing again is given once more when all run.
//  4. Delete the covered events from the log, one by one: only that overwrites them. A purge does not.
//  5. Delete the extension's dead letters in the same way, and its keys in the buckets.
//  6. Look again. What a worker told meanwhile of an earlier event is covered by another marker, and deleted.
//  7. Redis writes its append-only file anew, and the NATS servers drop their raft logs.
//
// Each step may fail or be interrupted: erasing again does what is left.
//
// Folding the log with the covered events and without them comes to the same, at any time in between: what a fold keeps
// after the marker is a function of the marker alone (fold.Rules, Erases). So workers that run, workers that fold from the
// beginning, and `replay state` agree, while events are being deleted too. What is folded before the marker differs, and
// nobody relies on it: the extension is deleted there.
//
// Nothing is told again. A worker publishes the outcomes whose cause is after that of its last outcome in the partition. When
// that outcome was covered, so was its cause, and the last outcome that is left has an earlier cause. Between the two
// causes there is no other event with an outcome: that outcome would be stored between the two, for outcomes are stored in
// the order of their causes, and it would be the last that is left.
//
// A fold's reader is not disturbed: the server counts what it delivers, and a deleted message is not delivered. A checkpoint
// at a deleted event still says up to where was folded. Only that its event cannot be compared.
//
// The next license of the extension is one more than the last one. Facts from before are not known again: who publishes an
// old SoftphoneEnabled once more, enables.
//
// # Copies
//
// A marker is part of the log, so it is in every export and backup that was made after it. Where a copy of the servers'
// folders has a marker and what it covers, nothing is served: workers and the portal look for that when they start
// (eventlog.Unerased), wait, and say what to type. They leave out markers of the last ten minutes, whose erasure may be
// under way. An import and `replay into` leave out what the markers in their source cover.
//
// A copy made before the marker brings the person back, and nothing in it says so. Whoever puts one back erases again
// before workers start, with the list of markers that Markers makes, kept elsewhere: Again, or import with --erased.
// A copy of facts carries no marker: what was copied before the erasure is to be erased there too.
//
// # Raft logs
//
// Where the log has replicas, each server also keeps a raft log of every stream: what was proposed, byte by byte, until a
// snapshot makes it superfluous. On a quiet log that takes minutes, and on one where little is published a part of a block
// of 4 MB stays for as long as it is not full. No request takes a snapshot (nats-server 2.15.2), and a restart takes one
// but keeps the block. So the last step writes 16 MB of requests that change nothing through the raft log of each
// stream: every server takes a snapshot and drops the blocks before it, as it would after so much traffic; see raft.go.
//
// It is safe because nothing is done to a replica: all three keep all of the stream, no leader changes, and a request that
// changes nothing may be lost, doubled or late. Measured on three servers of one machine of two cores, 10 runs: erasing took 7 to 40 s, and
// of what others published meanwhile the slowest took 0.2 to 1.3 s.
// Replacing one replica after another would need a fourth server (STREAM.PEER.REMOVE answers 10075 without), and
// scaling to one replica would lose what is acknowledged if that server died just then.
//
// A server that is away keeps its raft log. Erasing says so, and is given again when the server is back.
//
// # What is left
//
// In the mailer's bucket, earlier answers of a mail server to a mail that was tried several times: until the server compacts
// that block, at most a week after its last entry. They may quote the address.
// The subjects of deleted events, so the extension's number, in the index of the stream. The portal's and workers' log
// lines. Mails that were sent. Copies that nobody erased.
package erase
