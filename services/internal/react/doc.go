// Package react runs workers that have an effect outside which cannot be undone:
// an e-mail, a call to somebody's server.
//
// A reactor is a durable pull consumer of the log with explicit
// acknowledgements. Its position is JetStream's: losing Redis never repeats an
// effect. Events are handled many at a time and in no order; the handler looks
// up what is true now before it acts, and looks into the log whether it has
// acted already, so that a late or repeated event does no harm. Replicas share
// the durable.
//
// # What a handler returns
//
//	nil             done: acknowledged; should that be lost, the event comes again
//	Aside()         done, and the far side was not asked: this ends no pause
//	Permanent(err)  this event can never be handled: a dead letter
//	Pause(err)      the far side is away, or refuses us: no event is to blame.
//	                Work stops, readiness tells, and after a pause that grows
//	                one event at a time probes whether it is over. One log line
//	                says that it began, one that it ended
//	Later(err, d)   not its turn: this event after d, and nothing is counted
//	NotYet(err, d)  the same, and the far side said so: this ends a pause
//	another error   this event, later: a pause that doubles up to minutes, until
//	                it is older than the deadline *and* was tried often enough;
//	                then GiveUp, or a dead letter
//	a panic         a dead letter
//	ErrBehind       of package eventlog: the log's leader does not have this event
//	                yet, or another that it is decided from. It comes again, and
//	                nothing is counted
//	ErrMissing      the same, and somebody has to look: health is broken meanwhile
//
// A handler decides nothing from a read that is behind its event: it looks things up
// within eventlog.Log.AsOf, or with LastFrom, and hands on their errors.
//
// An outage of the far side is told by Pause and counts against no event, so an
// event that waited through one longer than the deadline still gets its tries.
// Tries are counted in the process: a restart forgets them, and the event is
// kept longer, never shorter.
//
// # How a message is held
//
// Each of Concurrency slots gets one message when it is free, and none before: a
// message that waits in a client's buffer uses up its AckWait, and is then handled
// twice. The slots that are free at the same moment share a pull, and while there are
// more messages than slots they wait a moment for each other (stock.go).
//
// While a handler works, AckWait is extended at every third of it. MaxAckPending is
// unlimited, for messages in backoff count against it: at the default of 1000, a
// thousand of them let none of 50 good ones through (measured).
// MaxDeliver is unlimited, for it loses a message in silence.
//
// A message that is given back for a while comes again then, and not after AckWait: the
// server confirms that it is given back (giveback.go). While the consumer's leader moves
// one may come after AckWait all the same, because the server forgets what it confirmed, or
// because what it sends gets nowhere. With many moves that was seen, for a small part.
//
// A process works on one message only once at a time, also when it slept through
// its AckWait and is given the message again. Two processes may work on the same
// message when one of them was paused for longer than AckWait or was cut off from the
// server: Delivery.Held tells the one it happened to, which leaves the message alone.
// Nobody can tell when the server itself forgot to whom it gave a message, as one does
// that is killed (2.15.2 writes deliveries down every 100 ms), or did not hear for
// AckWait that it is being worked on, because it was away. A handler whose effect
// cannot be repeated needs a claim of its own.
//
// # What ends what
//
// A lost connection, a consumer that was deleted, a server without a leader: the
// supervisor attaches again, for ever. A deleted durable begins at the first
// event again; the handler's look into the log finds what is done.
//
// A log that is not the one the durable began with (another creation time), or
// that ends before what this process has seen of it, is refused: nothing is taken
// from it, health turns red and the log line names both sides. A leader of the log that
// is behind looks like one that lost its end: it is asked again for a second, and
// refused when a majority of the servers confirms it. A durable goes
// with its stream, so only a process that ran meanwhile, or metadata that was
// restored with the durable, can know. A tail lost while none ran is set right by
// the server (2.15.2): it puts the durable back to the end.
//
// When the context ends, no more is pulled, and handlers get Grace to finish
// before their own context ends.
//
// # The durable
//
// Where the log is another account's, as deployed, setup makes and changes it ([Ensure]);
// elsewhere the reactor does.
package react
