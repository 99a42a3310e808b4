// Package react runs workers whose effect on the outside cannot be undone: an e-mail,
// a call to another server.
//
// A reactor is a durable pull consumer of the log with explicit acknowledgements.
// JetStream keeps its position, so losing Redis never repeats an effect. Events are
// handled many at a time and in no order. Before it acts, the handler looks up what is
// true now, and looks into the log whether it has acted already, so a late or repeated
// event does no harm. Replicas share the durable.
//
// # What a handler returns
//
//	nil              done: acknowledged. If the acknowledgement is lost, the event comes again
//	Skip()           done, and the far side was not asked: this ends no pause
//	Permanent(err)   this event can never be handled: a dead letter
//	Pause(err)       the far side is away or refuses us, and no event is to blame. Work
//	                 stops and readiness says why. After pauses that grow, one event at a
//	                 time probes whether it is over. One log line says that it began, one
//	                 that it ended
//	Defer(err, delay, reason)
//	                 this event after the delay, and no attempt is counted. With the reason
//	                 Answered, the far side asked for that, which ends a pause; with
//	                 NotTried it was not asked
//	another error    this event later, after a pause that doubles up to minutes, until it is
//	                 older than the deadline *and* was tried often enough; then GiveUp, or
//	                 a dead letter
//	a panic          a dead letter
//	ErrBehind        of package eventlog: the log's leader does not have this event yet, or
//	                 another that it is decided from. It comes again, and no attempt is
//	                 counted
//	ErrMissing       the same, and an operator has to look: health is broken meanwhile
//
// A handler decides nothing from a read that is behind its event: it reads within
// eventlog.Log.AsOf, or with LastFrom, and returns their errors.
//
// An outage of the far side is a Pause and counts against no event, so an event that
// waited through one longer than the deadline still gets its attempts. Attempts are
// counted in the process: after a restart they begin at 0, so the event is kept longer,
// never shorter.
//
// # Who has a message
//
// Each of Concurrency slots gets one message when it is free, and none before: a message
// that waits in a client's buffer uses up its AckWait, and is then handled twice. Slots
// that are free at the same moment share a pull, and while there are more messages than
// slots they wait a moment for each other (fetcher.go).
//
// A slot has a lease of its message (lease.go): while the handler works, it is renewed at
// every third of AckWait. MaxAckPending is unlimited, because messages in backoff count
// against it: at the default of 1000, a thousand of them let none of 50 good ones through
// (measured). MaxDeliver is unlimited, because it loses a message in silence.
//
// A message that is given back for a while comes again then, and not after AckWait: the
// server confirms that it is given back (nak.go). While the consumer's leader moves, one
// may come after AckWait all the same, because the server forgets what it confirmed, or
// because what it sends gets lost. With many moves that was seen, for a small part.
//
// A process works on one message only once at a time, also when it slept through its
// AckWait and is given the message again. Two processes may work on the same message when
// one of them was paused for longer than AckWait or was cut off from the server:
// Delivery.Held says so to that one, which then leaves the message alone. Neither process
// can know when the server itself forgot to whom it gave a message, as a server does that
// is killed (2.15.2 writes deliveries every 100 ms), or when it was away and did not
// receive the renewals for AckWait. A handler whose effect cannot be repeated needs a
// guard of its own.
//
// # What ends what
//
// After a lost connection, a deleted consumer or the loss of the server's leader, the
// supervisor attaches again, however long that takes. A deleted durable begins at the
// first event again, and the handler's look into the log finds what is done.
//
// A log is refused that is not the one the durable began with (it has another creation
// time), or that ends before what this process has seen of it: nothing is taken from it,
// health is broken, and the log line names both sides. A leader of the log that is behind
// looks like a log that lost its end: it is asked again for a second, and refused when a
// majority of the servers confirms it. A durable is deleted with its stream, so only a
// process that ran meanwhile, or metadata that was restored with the durable, can know. If
// the tail was lost while no process ran, the server puts the durable back to the end
// (2.15.2).
//
// When the context ends, no more is pulled, and handlers get Grace to finish before their
// own context ends.
//
// # The durable
//
// Where the log belongs to another account, as deployed, setup makes and changes the
// durable ([Ensure]); elsewhere the reactor does.
package react
