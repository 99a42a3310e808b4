package react

import (
	"sync/atomic"
	"time"
)

// hold is how long a message is ours: AckWait from when the server was last told
// that it is being worked on. It goes by the wall clock, as a machine that sleeps
// stops the other one.
type hold struct {
	ackWait time.Duration
	since   atomic.Int64 // Unix nanoseconds
}

// newHold begins when the message was asked for, if that is too long ago to tell
// when it came: the process slept while it waited.
func newHold(ackWait time.Duration, asked time.Time) *hold {
	h := &hold{ackWait: ackWait}
	if now := wall(); now.Sub(asked) < 2*pull+ackWait/2 { // its own pull, and the one before
		asked = now
	}
	h.since.Store(asked.UnixNano())
	return h
}

// extend is told that the server was told, not before a time. A hold that has ended
// stays so: somebody else may have the message.
func (h *hold) extend(told time.Time) {
	if h.lasts() {
		h.since.Store(told.UnixNano())
	}
}

func (h *hold) lasts() bool { return wall().UnixNano()-h.since.Load() < int64(h.ackWait) }

func wall() time.Time { return time.Now().Round(0) }
