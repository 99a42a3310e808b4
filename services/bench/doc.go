// Command bench measures the product against what one would write by hand, in one
// run on one machine: make bench.
//
// The servers are processes of their own, reached over TCP, and the same for all
// that is compared: nats-server (this program again) and redis-server, which keeps
// an append-only file. Throughput, refold and sign-in are measured twice: with NATS as
// it comes, which writes to the disk every two minutes, and with sync always, every
// message flushed before it is acknowledged; memory, replay and mails with the first
// alone, what goes through the portal with the second. In the first case the log is
// set up for fast batches, in the second for atomic ones; see eventlog.Layout. The two
// cores of a small machine are all in use, so whatever else runs beside it is measured
// too.
//
// # Throughput
//
// Contenders turn the same log of sign-ins into outcomes: four devices a license
// that get a seat, a fifth that does not, events of one extension far apart. Each
// begins on a fresh log. Its rate is what it has finished (outcome in the log, and
// committed or acknowledged) from its start until all is done or its time is up; it
// fails the run when fewer outcomes than that are in the log. Rounds take turns
// between contenders; what counts is the median.
//
//   - fold: devicecounter.Rules on fold.Run, all partitions;
//   - by hand, in order: Consume, script, Publish, Ack, one at a time;
//   - by hand, 64 goroutines: the same, without order;
//   - watermill: the same handler in a router on watermill-nats, 64 at a time.
//
// The hand-written handler decodes the same events, counts seats in a Lua script,
// and publishes the same outcomes. It knows no repeated fact, keeps no checkpoint
// and can be neither replayed nor fenced off.
//
// # Refold
//
// Redis is empty and all outcomes are told: the fold builds its state from the log
// and publishes nothing. The log is as the system writes it: of every extension its
// enabling, its license, the e-mail with it, and four sign-ins with their outcomes.
// The rate is that of all messages of the log gone through, against an ordered consumer
// that counts them.
//
// # Replay
//
// What whoever is on call types, softphonectl and the worker being processes of
// their own: replay state and replay decisions of device-counter, and rebuild, which
// ends when the worker, which had folded everything, has done so again. How fast is
// measured like the refold, on the same log of a million messages; the ordered consumer
// reads it just before each.
//
// Memory must not grow with the events of an extension. The most that replay state and
// replay decisions had resident is measured with a million events that device-counter
// reads, and with a tenth of them, of as many extensions: devices sign in again and
// again, which the portal would answer without an event.
//
// # Sign-in
//
// From publishing a sign-in to its decision, the worker in a process of its own,
// this process being the PBX core. When idle it takes turns with the bare steps,
// see type bare. At a rate, sign-ins start on time whether or not those before are
// answered.
//
// # Portal
//
// Devices sign in through the portal's HTTP API, known ones and new ones, eight at a
// time, on the server that syncs always; once with argon2id, which is most of it,
// and once with a hasher that costs nothing. Without argon2id the portal takes turns with a
// bare path, which is a server in this process too and does, one after the other, what no
// right way can do without: a script that counts an attempt, a pipeline of the view's state
// and checkpoint, one request for the extension's last message, one for the credential, the
// script that takes the attempt back, one question to device-counter, and a token in one
// transaction. For a new device it publishes twice besides, acknowledged, with the script
// between that gives a seat to whoever there is one for. It checks little of what it is
// sent, has no allowances, writes no line, counts nothing, and does not ask whether the
// log's leader is in touch. A tenant with 100,000 extensions is listed
// and searched, by a portal that was just started and by one that knows it. And while
// 200 wrong passwords a second come, each for another user from another address, an
// administrator looks at an extension.
//
// # Mails
//
// A mailer in a process of its own sends welcome mails, from LicenseGranted in the log
// to EmailSent in the log. Against it a bare loop: net/smtp, as many connections, each
// mail rendered like the mailer's and sent, and nothing read or told. Both speak TLS, and
// each round has a server just started, of one of three kinds.
//
// The first is what a relay is to a mailer: on another machine, where it has a mail on
// the disk before it takes it, so that it costs no time of these processors and 10 ms of
// waiting. There the question is whether the connections are kept as busy as a loop
// keeps them. The others share these processors with the sender, so that all the mailer
// and NATS do is taken from the sending: Postfix, which throws away what it took, and
// which only root can start; and, with five times the mails, a server that does nothing,
// where a mail costs the loop little more than its rendering; that one has no target. The
// mailer's rate is that of its last nine tenths; its memory is the most it had resident,
// after all mails and after a fifth of them.
//
// # Memory
//
// Redis's MEMORY USAGE of device-counter's hash of a license with four devices
// (ids of 36 characters), and the most memory a device-counter process had resident
// while it folded the log of many extensions, against one of few.
//
// # Output
//
// A table, and one JSON object as the last line: type Report, without what -only left
// out. Its keys are stable: cpus, go, sizes, seconds, allMet, memory, replays, portal,
// listing, flood, mails, and for each of default and syncAlways throughput, refold and
// signIn. A figure with a target has value, atLeast or
// atMost, and met. Rates are per second, times milliseconds, memory bytes.
package main
