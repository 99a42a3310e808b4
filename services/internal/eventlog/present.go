package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The server that leads the stream answers a look-up from its own store, without asking the others (nats-server
// 2.15.2, jsMsgGetRequest: there is no read index). Another server may lead a consumer, and delivers from its own
// store. So the leader can be behind what was delivered: it was seen 1 to 26 sequences behind, for 2 to 75 ms (12 of
// 1,977 deliveries of a stream with three replicas, with no fault). A decision because of an event must not use a
// state from before it.
//
// Two look-ups may be answered by two leaders. When one leader follows the other, this does no harm: a server answers
// as the leader only when it has applied all that its log had when it was elected (raft.go, aflr), and every delivered
// event is in there. What remains is a deposed leader that is cut off and does not know it, for at most 20 s
// (lostQuorumInterval and lostQuorumCheck, 10 s each). A new leader and then such an old one can only answer on two
// connections, which AsOf notices, or in the moment when the old one is back in touch and has not got the next
// heartbeat (1 s).

// AsOf runs a read because of the event at a sequence: a leader that has this event answers its look-ups. It costs no
// request if an answer or an acknowledgement on this connection already proved that, and one otherwise. The read may
// run more than once. Return [ErrBehind] and [ErrMissing] to the runtime: it delivers the event again later.
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

// At returns the message at a sequence that was once in the log; nil if an erasure in the log names it. While the leader
// does not have it yet, At tries again for a second. Its errors are [ErrBehind], [ErrMissing] and those of the connection.
func (l *Log) At(ctx context.Context, sequence uint64) (found *Message, err error) {
	err = patiently(ctx, func() error {
		if found, err = l.Get(ctx, sequence); err != nil || found != nil {
			return err
		}
		return l.absent(ctx, sequence)
	})
	return found, err
}

// LastFrom returns the last message under the subject of the message at a sequence: that one or a later one. If that
// one was erased, the result may be an earlier one, or nil for none. Its errors are those of At.
func (l *Log) LastFrom(ctx context.Context, subject string, sequence uint64) (last *Message, err error) {
	err = patiently(ctx, func() error {
		if last, err = l.LastOf(ctx, subject); err != nil || last != nil && last.Sequence >= sequence {
			return err
		}
		there, err := l.Get(ctx, sequence)
		switch {
		case err != nil:
			return err
		case there != nil: // it came between the two look-ups, or the server cannot find what it has
			return fmt.Errorf("%w: sequence %d, looking for the last of %s", ErrBehind, sequence, subject)
		}
		return l.absent(ctx, sequence)
	})
	return last, err
}

// absent returns why there is no message at a sequence; nil: it was erased. The server's own answer proves nothing: it
// also answers "no message found" when its store failed, and records a message as deleted that it lost.
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

// StateAsOf is the state of a log that had a sequence. If the log ends before it, the log lost its tail: that is the
// result if a majority of the servers confirmed its leader since the call, and [ErrBehind] otherwise.
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

// confirmed reports whether a majority followed the leader within a time. Before it was deposed, a leader had
// everything that was delivered by then.
func (s State) confirmed(since time.Duration) bool { return s.Quorum == 0 || s.Quorum < since }

const (
	// firstPause and lastPause are the pauses between the tries of a read that is behind, doubling: 1.3 s in all. The
	// longest that a leader was seen behind without any fault is 75 ms.
	firstPause = 10 * time.Millisecond
	lastPause  = 640 * time.Millisecond
)

// patiently retries for about a second while the leader is behind or the log misses a message.
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

// reach is how far the log goes at least, by its answers on one connection.
type reach struct{ connection, sequence uint64 }

// connection counts connections: another one may lead to a server that is cut off.
func (l *Log) connection() uint64 { return l.conn.Stats().Reconnects }

// reached reports whether the log is known to have a sequence.
func (l *Log) reached(sequence uint64) bool {
	known := l.known.Load()
	return known != nil && known.sequence >= sequence && known.connection == l.connection()
}

// answered records that the log has a sequence, by an answer on a connection.
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
