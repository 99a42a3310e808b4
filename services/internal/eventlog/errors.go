package eventlog

import "errors"

var (
	// ErrNoStream says that the stream has not been set up.
	ErrNoStream = errors.New("the stream does not exist: run `softphonectl setup` once")

	// ErrUnfit says that a stream of that name exists but cannot be the log:
	// it may have dropped events, or stores them under other subjects.
	ErrUnfit = errors.New("the stream is not fit to be the log")

	// ErrGap says that a reader missed messages, or that its consumer is gone.
	// Reading must start again from a place that is known.
	ErrGap = errors.New("the reader lost its place in the log")

	// ErrBehind says that the server that answers for the log does not have an event
	// yet that is in it. Ask again later; nothing may be decided meanwhile.
	ErrBehind = errors.New("the log's leader is behind what was delivered")

	// ErrMissing says that the log has no message at a sequence it had one at, and that
	// no erasure names it: the server's store is damaged or cannot be read, or somebody
	// deleted it by hand. Nothing may be decided from that.
	ErrMissing = errors.New("the log misses an event that nobody erased: look at the NATS server's log and its disk")

	// ErrCaughtUp ends a reader of a [Feed] at the log's end. Reading goes on with
	// a reader of the partition alone.
	ErrCaughtUp = errors.New("the log's end is reached")

	// ErrNoAnswer says that a published fact was stored but its decision did not
	// arrive in time. Asking again is safe.
	ErrNoAnswer = errors.New("stored, but no decision arrived in time: ask again, it is safe")

	// ErrUnwritable says that the server answers questions and stores nothing. A
	// nats-server whose disk was full does so until it is started again, also when
	// there is room again: see unwritable.
	ErrUnwritable = errors.New("NATS answers and stores nothing: look at /healthz of its servers; where that speaks of a write error, " +
		"free space on the disk and restart that server")

	// errCutOff ends a reader whose connection was lost, also when it is back at once.
	errCutOff = errors.New("the connection was lost: what was on its way may be lost too")

	// errNoInbox and errOwnInbox say why no answer is sent.
	errNoInbox  = errors.New("is not an inbox")
	errOwnInbox = errors.New("is an inbox of whoever is to answer")

	// errNoConsumer says that a reader has to do without one.
	errNoConsumer = errors.New("no consumer to read with")

	// errStuck ends a reader that took nothing while others of its feed waited.
	errStuck = errors.New("it took nothing for so long that it held up other partitions")
)
