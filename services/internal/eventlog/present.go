package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A look-up is answered by the server that leads the stream, from its own store and
// without asking the others (nats-server 2.15.2, jsMsgGetRequest: there is no read
// index). A consumer is led by another server, perhaps, and delivers from that one's
// store. So the leader can be behind what was delivered: it was seen 1 to 26 sequences
// behind, for 2 to 75 ms (12 of 1,977 deliveries of a stream with three replicas, with
// no fault). Whoever decides on account of an event must not decide from before it.
//
// Two look-ups may be answered by two leaders. Of those that follow each other this
// does no harm: a server answers as the leader only when it has applied all that its
// log had when it was elected (raft.go, aflr), and every event that was delivered is
// in there. What remains is a leader that was deposed, was cut off and does not know
// it, for at most 20 s (lostQuorumInterval and lostQuorumCheck, 10 s each). To be
// answered by a new leader and then by such a one takes another connection, which
// AsOf notices, or the moment in which the old one is in touch again and has not got
// the next heartbeat (1 s).

// AsOf runs a read on account of the event at a sequence: what it looks up is
// answered by a leader that has that event. It costs no request when an answer or an
// acknowledgement on this connection has shown that before, and one otherwise. A read
// may be run more than once. [ErrBehind] and [ErrMissing] are for the runtime: the
// event comes again later.
func (l *Log) AsOf(ctx context.Context, sequence uint64, read func() error) error {
	for {
		connection := l.connection()
		if !l.reached(sequence) {
			if _, err := l.At(ctx, sequence); err != nil {
				return err
			}
		}
		if err := read(); err != nil || l.connection() == connection {
			return err
		}
	}
}

// At returns the message at a sequence that was in the log at some time; nil when it
// was erased, so when an erasure in the log names it. It is tried again for
// a second when the leader does not have it yet. [ErrBehind] and [ErrMissing] are its
// errors, besides those of the connection.
func (l *Log) At(ctx context.Context, sequence uint64) (found *Message, err error) {
	err = patiently(ctx, func() error {
		if found, err = l.Get(ctx, sequence); err != nil || found != nil {
			return err
		}
		return l.absent(ctx, sequence)
	})
	return found, err
}

// LastFrom returns the last message stored under a subject that also the one at a
// sequence is stored under: that one or a later one. An earlier one, or nil for none,
// is the answer when it was erased. Its errors are those of At.
func (l *Log) LastFrom(ctx context.Context, subject string, sequence uint64) (last *Message, err error) {
	err = patiently(ctx, func() error {
		if last, err = l.LastOf(ctx, subject); err != nil || last != nil && last.Sequence >= sequence {
			return err
		}
		there, err := l.Get(ctx, sequence)
		switch {
		case err != nil:
			return err
		case there != nil: // it came between the two, or the server cannot find what it has
			return fmt.Errorf("%w: sequence %d, looking for the last of %s", ErrBehind, sequence, subject)
		}
		return l.absent(ctx, sequence)
	})
	return last, err
}

// absent says why there is no message at a sequence; nil: it was erased. That the server
// has no message, or has it on record as deleted, says nothing: it answers "no message
// found" also when its store failed, and records as deleted what it lost.
func (l *Log) absent(ctx context.Context, sequence uint64) error {
	state, err := l.State(ctx)
	if err != nil {
		return err
	}
	if state.Last < sequence {
		return fmt.Errorf("%w: it ends at sequence %d, and %d is in it", ErrBehind, state.Last, sequence)
	}
	erased, err := l.erased(ctx, sequence)
	if err != nil || erased {
		return err
	}
	return fmt.Errorf("%w: sequence %d", ErrMissing, sequence)
}

// StateAsOf is the state of a log that had a sequence. One that ends before it lost
// its tail: that is the answer when a majority of the servers confirmed its leader
// since this was called, and [ErrBehind] otherwise.
func (l *Log) StateAsOf(ctx context.Context, sequence uint64) (state State, err error) {
	began := time.Now()
	err = patiently(ctx, func() error {
		waited := time.Since(began)
		if state, err = l.State(ctx); err != nil || state.Last >= sequence || state.confirmed(waited) {
			return err
		}
		return fmt.Errorf("%w: it ends at sequence %d, and %d is in it", ErrBehind, state.Last, sequence)
	})
	return state, err
}

// confirmed says whether a majority has followed the leader since a while ago. A
// leader before it was deposed has all that was delivered by then.
func (s State) confirmed(since time.Duration) bool { return s.Quorum == 0 || s.Quorum < since }

const (
	// firstPause and lastPause are between the tries of a read that is behind, doubling:
	// 1.3 s in all. The longest that a leader was seen behind without any fault is 75 ms.
	firstPause = 10 * time.Millisecond
	lastPause  = 640 * time.Millisecond
)

// patiently tries again what is behind, or what the log misses, for about a second.
func patiently(ctx context.Context, try func() error) error {
	for pause := firstPause; ; pause *= 2 {
		err := try()
		if !errors.Is(err, ErrBehind) && !errors.Is(err, ErrMissing) || pause > lastPause {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// reach is how far the log is known to go, by what it answered on one connection.
type reach struct{ connection, sequence uint64 }

// connection counts connections: another one may be to a server that is cut off.
func (l *Log) connection() uint64 { return l.conn.Stats().Reconnects }

// reached says whether the log is known to have a sequence.
func (l *Log) reached(sequence uint64) bool {
	known := l.known.Load()
	return known != nil && known.sequence >= sequence && known.connection == l.connection()
}

// answered notes that the log has a sequence; connection is the one it was asked on.
func (l *Log) answered(connection, sequence uint64) {
	for {
		known := l.known.Load()
		if known != nil && known.connection == connection && known.sequence >= sequence {
			return
		}
		if l.known.CompareAndSwap(known, &reach{connection, sequence}) {
			return
		}
	}
}
