package react

import (
	"context"
	"fmt"
	"time"
)

// nakTimeout bounds one request to give a message back: the server that leads the consumer may have died, and
// another be elected.
const nakTimeout = time.Second

// nak gives the message back, to be delivered again after a delay that begins now. It repeats the request until the
// server confirms it, or until another process may have the message: a message that the server does not know to be
// given back comes only after AckWait.
//
// A message that another process may have is left alone: to give it back would take it away from that process. If
// nobody has it, it comes again after its AckWait.
func (t *task) nak(ctx context.Context, delay time.Duration) {
	due := wall().Add(delay)
	for pauses := (Bounds{20 * time.Millisecond, nakTimeout}).Backoff(); ; {
		if !t.Held() {
			t.log().Info().Msg("left alone: this process slept or was cut off, and another may have the event")
			return
		}
		err := t.requestNak(ctx, max(0, due.Sub(wall())))
		if err == nil {
			return
		}
		t.log().Debug().Err(err).Msg("not given back yet")
		if ctx.Err() != nil { // stopping: publish it once more, and wait for no answer
			_ = t.Log.Conn().Publish(t.raw.Reply(), nakBody(max(0, due.Sub(wall()))))
			return
		}
		timer := time.NewTimer(pauses.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// requestNak sends one request, and waits until the server confirms it.
func (t *task) requestNak(ctx context.Context, delay time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, min(nakTimeout, t.AckWait/3))
	defer cancel()
	_, err := t.Log.Conn().RequestWithContext(ctx, t.raw.Reply(), nakBody(delay))
	return err
}

// nakBody is the negative acknowledgement of the protocol (nats.go, NakWithDelay).
func nakBody(delay time.Duration) []byte {
	if delay == 0 {
		return []byte("-NAK")
	}
	return fmt.Appendf(nil, `-NAK {"delay": %d}`, delay.Nanoseconds())
}
