package react

import (
	"sync/atomic"
	"time"
)

// lease is how long a message is ours: AckWait from when the server last confirmed that we work on it. It goes by the
// wall clock, because a machine that sleeps stops the monotonic one.
type lease struct {
	ackWait time.Duration
	since   atomic.Int64 // Unix nanoseconds
}

// newLease begins now, or when the message was asked for if that is too long ago to know when it came: the process
// slept while it waited.
func newLease(ackWait time.Duration, asked time.Time) *lease {
	l := &lease{ackWait: ackWait}
	if now := wall(); now.Sub(asked) < 2*pullTimeout+ackWait/2 { // its own pull, and the one before
		asked = now
	}
	l.since.Store(asked.UnixNano())
	return l
}

// renew renews the lease as of the given time. A lease that has ended stays so: another process may have the message.
func (l *lease) renew(asked time.Time) {
	if l.valid() {
		l.since.Store(asked.UnixNano())
	}
}

func (l *lease) valid() bool { return wall().UnixNano()-l.since.Load() < int64(l.ackWait) }

func wall() time.Time { return time.Now().Round(0) }
