package react_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

var errTurn = errors.New("not its turn")

// What says that a message is refused for a while gets nowhere: it is republished, and
// the message comes when it was asked for, and not after AckWait.
func TestRefusalThatIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	way := servertest.NewWay(t, w.server.URL())
	config := w.config()
	config.Log = w.openAt(t, way.URL)
	var refused time.Time
	again := make(chan time.Duration, 1)
	w.run(config, func(_ context.Context, d react.Delivery) error {
		if refused.IsZero() {
			refused = time.Now()
			way.Mute.Store(true)
			time.AfterFunc(500*time.Millisecond, func() { way.Mute.Store(false) })
			return react.Defer(errTurn, 200*time.Millisecond, react.NotTried)
		}
		again <- time.Since(refused)
		return nil
	})
	w.publish(0, 1)
	select {
	case took := <-again:
		if took > 10*time.Second {
			t.Errorf("it came again after %s, at an AckWait of %s", took, react.AckWait)
		}
	case <-time.After(react.AckWait / 2):
		t.Error("it does not come again before AckWait")
	}
}
