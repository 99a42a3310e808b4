package react

import (
	"context"
	"fmt"
	"time"
)

// attemptLimit is how long one try to give a message back may take: the server that
// leads the consumer may have died, and another be elected.
const attemptLimit = time.Second

// again has the message delivered again after a pause, which begins now. The server
// confirms that: a message that it did not hear of would come only after AckWait. So
// it is told until it confirms, or until the message may be somebody else's.
//
// One that somebody else may have by now is left alone: giving it back would be
// giving away what is theirs. If nobody has it, it comes again after its AckWait.
func (t *task) again(ctx context.Context, wait time.Duration) {
	due := wall().Add(wait)
	for pauses := (Bounds{20 * time.Millisecond, attemptLimit}).Backoff(); ; {
		if !t.Held() {
			t.log().Info().Msg("left alone: this process slept or was cut off, and another may have the event")
			return
		}
		err := t.giveBack(ctx, max(0, due.Sub(wall())))
		if err == nil {
			return
		}
		t.log().Debug().Err(err).Msg("not given back yet")
		if ctx.Err() != nil { // the end: it is said once more, and nobody waits for an answer
			_ = t.Log.Conn().Publish(t.raw.Reply(), refusal(max(0, due.Sub(wall()))))
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

// giveBack tells the server once, and waits for it to confirm.
func (t *task) giveBack(ctx context.Context, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, min(attemptLimit, t.AckWait/3))
	defer cancel()
	_, err := t.Log.Conn().RequestWithContext(ctx, t.raw.Reply(), refusal(wait))
	return err
}

// refusal is the negative acknowledgement of the protocol (nats.go, NakWithDelay).
func refusal(wait time.Duration) []byte {
	if wait == 0 {
		return []byte("-NAK")
	}
	return fmt.Appendf(nil, `-NAK {"delay": %d}`, wait.Nanoseconds())
}
