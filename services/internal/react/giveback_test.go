package react_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

var errTurn = errors.New("not its turn")

// What says that a message is refused for a while gets nowhere: it is said again, and
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
			return react.Later(errTurn, 200*time.Millisecond)
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

// The durable's leader moves all the while, on three servers: what is refused for a
// second comes again soon after. Before the server confirmed it, some came after AckWait.
func TestRefusedWhileLeadersMove(t *testing.T) {
	t.Parallel()
	const (
		messages, refusals = 300, 20
		wait, late         = 500 * time.Millisecond, 10 * time.Second
	)
	servers := servertest.NATSCluster(t)
	js := servers.Servers[0].JetStream(t)
	servers.Ready(func() error { return eventlog.Ensure(t.Context(), js, eventlog.Layout{Replicas: 3}) })
	w := &world{t: t, server: servers.Servers[0]}
	w.log = w.open()
	config := w.config()
	config.Logger = zerolog.Nop()
	config.Concurrency = 32
	var (
		mu      sync.Mutex
		longest time.Duration
		over    int
		times   = map[string]time.Time{}
		count   = map[string]int{}
	)
	w.run(config, func(_ context.Context, d react.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		id := string(d.Data)
		if last, again := times[id]; again {
			took := time.Since(last) - wait
			longest = max(longest, took)
			if took > late {
				over++
			}
		}
		times[id] = time.Now()
		if count[id]++; count[id] <= refusals {
			return react.Later(errTurn, wait/2+rand.N(wait/2))
		}
		return nil
	})
	stepDown := servers.Connect(t)
	ended := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(300 * time.Millisecond):
				_, _ = stepDown.Request("$JS.API.CONSUMER.LEADER.STEPDOWN."+events.Stream+".pusher", nil, time.Second)
			}
		}
	})
	w.publish(0, messages)
	w.eventually("all are handled", func() bool {
		mu.Lock()
		defer mu.Unlock()
		done := 0
		for _, n := range count {
			if n > refusals {
				done++
			}
		}
		return done == messages
	})
	close(ended)
	moving.Wait()
	t.Logf("%d refusals: the latest came %s after it was asked for", messages*refusals, longest.Round(time.Millisecond))
	if over > 0 {
		t.Errorf("%d came more than %s late, the latest %s", over, late, longest)
	}
}
