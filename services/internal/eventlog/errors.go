package eventlog

import "errors"

var (
	// ErrNoStream says that the stream has not been set up.
	ErrNoStream = errors.New("the stream does not exist: run `softphonectl setup` once")

	// ErrUnfit says that the stream exists but cannot be the log: it may have dropped events, or stores them under
	// other subjects.
	ErrUnfit = errors.New("the stream is not fit to be the log")

	// ErrGap says that a reader missed messages, or lost its consumer. Start again from a known position.
	ErrGap = errors.New("the reader lost its place in the log")

	// ErrBehind says that the log's leader does not have an event yet that is in the log. Decide nothing, and ask
	// again later.
	ErrBehind = errors.New("the log's leader is behind what was delivered")

	// ErrMissing says that the log lost a message that no erasure names: the server's store is damaged or cannot be
	// read, or someone deleted it by hand. Decide nothing.
	ErrMissing = errors.New("the log misses an event that nobody erased: look at the NATS server's log and its disk")

	// ErrCaughtUp ends a reader of a [Feed] at the log's end. Continue with a reader for the partition alone.
	ErrCaughtUp = errors.New("the log's end is reached")

	// ErrNoAnswer says that a fact was stored but its decision did not arrive in time. Asking again is safe.
	ErrNoAnswer = errors.New("stored, but no decision arrived in time: ask again, it is safe")

	// ErrUnwritable says that the server answers but stores nothing. A nats-server whose disk was full behaves like
	// that until it is restarted, even if there is room again: see Unwritable.
	ErrUnwritable = errors.New("NATS answers and stores nothing: look at /healthz of its servers; where that speaks of a write error, " +
		"free space on the disk and restart that server")

	// errCutOff ends a reader that lost its connection, even if the connection is back at once.
	errCutOff = errors.New("the connection was lost: what was on its way may be lost too")

	// errNoInbox and errOwnInbox are reasons not to answer.
	errNoInbox  = errors.New("is not an inbox")
	errOwnInbox = errors.New("is an inbox of whoever is to answer")

	// errNoConsumer says that a reader must do without a consumer.
	errNoConsumer = errors.New("no consumer to read with")

	// errStuck ends a reader that took nothing while others of its feed waited.
	errStuck = errors.New("it took nothing for so long that it held up other partitions")
)
