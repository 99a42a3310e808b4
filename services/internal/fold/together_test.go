package fold_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// All partitions of a process that have much to catch up with read it together,
// whatever happens meanwhile: to them, to Redis, to the server, or beside them.
func TestCatchesUpTogether(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*world){
		"undisturbed":      func(*world) {},
		"another process":  func(w *world) { w.ownAll(nil) },
		"Redis emptied":    (*world).emptyRedis,
		"server restarted": func(w *world) { w.nats.Restart(); w.awaitServer() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.addToMany(40, 60)
			folded := make(chan struct{}) // something, but not all
			var once sync.Once
			commits := 0
			w.ownAll(func(step string) {
				if step != "commit" {
					return
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				if commits++; commits == events.Partitions/2 {
					once.Do(func() { close(folded) })
				}
			})
			<-folded
			fault(w)
			w.settled(soon)
			w.addToMany(40, 3)
			w.settled(soon)
		})
	}
}

// What is not to be folded is gone through once. The checkpoints of partitions
// without an input stay far behind for ever.
func TestCatchesUpOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(ones(50)...) // in one partition
	var readers atomic.Int32
	idle := make(chan struct{}, 1000)
	w.ownAll(func(step string) {
		switch step {
		case "reader":
			readers.Add(1)
		case "compare": // having waited for messages
			idle <- struct{}{}
		}
	})
	w.settled(soon)
	for range 2 * events.Partitions {
		<-idle
	}
	if n := readers.Load(); n > 2*events.Partitions {
		t.Errorf("%d readers for %d partitions, want one with the others and one alone each", n, events.Partitions)
	}
}

func (w *world) emptyRedis() {
	w.t.Helper()
	if err := w.rdb.FlushAll(w.t.Context()).Err(); err != nil {
		w.t.Fatal(err)
	}
}

// addToMany publishes so many facts each of so many keys, in turns.
func (w *world) addToMany(keys, each int) {
	w.t.Helper()
	var batch []*nats.Msg
	for range each {
		for key := range keys {
			w.mu.Lock()
			w.published++
			name := fmt.Sprintf("fact-%d", w.published)
			w.mu.Unlock()
			x := events.Extension{Tenant: fmt.Sprintf("acme-%d", key), Number: "1001"}
			m := nats.NewMsg(factSubject(x))
			m.Data = fact(x, name, 1)
			batch = append(batch, m)
		}
		if _, err := jetstreamext.PublishMsgBatch(w.t.Context(), w.js, batch); err != nil {
			w.t.Fatal(err)
		}
		batch = nil
	}
}

// ownAll starts owners of all partitions, as a process has them.
func (w *world) ownAll(step func(string)) {
	w.t.Helper()
	log := w.open()
	config := fold.Config{
		Log: log, Feed: eventlog.NewFeed(log, worker, fold.MaxBatch), Far: 1, Redis: w.redis.Client(w.t), Owner: "test",
		Logger: zerolog.New(zerolog.NewTestWriter(w.t)).Level(zerolog.WarnLevel), Step: step,
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var owners sync.WaitGroup
	for partition := range events.Partitions {
		owners.Go(func() {
			_ = fold.Run(ctx, config, tally(), partition, func(context.Context) error { return nil })
		})
	}
	w.t.Cleanup(func() { cancel(); owners.Wait() })
}
