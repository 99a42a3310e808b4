package workertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/ownership"
	"github.com/mycloudpbx/softphone/services/internal/process"
	observe "github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/worker"
)

// Patience is how long anything may take that is bound to happen.
const Patience = time.Minute

// World is a NATS and a Redis with all that workers need, and the PBX core's hand
// on them.
type World struct {
	NATS  *servertest.NATSServer
	Redis *servertest.RedisServer
	JS    jetstream.JetStream
	Log   *eventlog.Log
	State *redis.Client

	t     testing.TB
	lines servertest.Lines
}

// New makes a world that ends with the test.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{NATS: servertest.NATS(t), Redis: servertest.Redis(t), t: t}
	t.Cleanup(func() {
		if t.Failed() {
			said := w.Lines()
			t.Logf("the workers' last lines:\n%s", said[max(0, len(said)-4<<10):])
		}
	})
	w.JS = w.NATS.JetStream(t)
	w.State = w.Redis.Client(t)
	if err := setup.Everything(t.Context(), w.JS, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(t.Context(), w.NATS.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	w.Log = log
	return w
}

// Config is a replica's, with a host of its own.
func (w *World) Config(replica string) worker.Config {
	level := zerolog.DebugLevel // all that a worker could ever say
	host := process.NewHost(zerolog.New(&w.lines).Level(level).With().Str("replica", replica).Logger())
	return worker.Config{
		Config:  process.Config{Host: host, LogLevel: level.String()},
		NATS:    process.NATS{URL: w.NATS.URL()},
		Redis:   process.Redis{URL: w.Redis.URL()},
		Replica: replica,
	}
}

// Start runs a replica until stop is called or the test ends. It may end with no
// other error than that of its context.
func (w *World) Start(run func(context.Context) error) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, context.Canceled) {
				w.t.Errorf("Run returned %v", err)
			}
		case <-time.After(Patience):
			w.t.Error("the worker does not stop")
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// Lines is what the workers wrote.
func (w *World) Lines() string { return w.lines.String() }

// Eventually waits until something is so, looking again and again: what it looks
// at tells nobody when it changes.
func (w *World) Eventually(what string, so func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(Patience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not within %s", what, Patience)
		}
	}
}

// Shares waits until every one of a worker's replicas owns as many partitions as another, and all of them are owned.
func (w *World) Shares(name string, replicas ...string) {
	w.t.Helper()
	observer := observe.Observer{Log: w.Log, Redis: w.State, Partitions: events.Partitions}
	w.Eventually("replicas share the partitions of "+name, func() bool {
		owners, err := observer.Owners(w.t.Context(), name)
		owned := map[string]int{}
		for _, replica := range owners {
			owned[replica]++
		}
		for _, r := range replicas {
			if owned[r] != events.Partitions/len(replicas) {
				return false
			}
		}
		return err == nil && len(owned) == len(replicas)
	})
}

// Message is an event as its publisher sends it.
func Message(t testing.TB, e events.Event) *nats.Msg {
	t.Helper()
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m := nats.NewMsg(e.Subject())
	m.Data = body
	m.Header.Set(events.HeaderMsgID, e.ID)
	return m
}

// Publish stores a fact and returns its place in the log.
func (w *World) Publish(fact events.Event) uint64 {
	w.t.Helper()
	return w.Store(Message(w.t, fact))
}

// Store stores any message.
func (w *World) Store(m *nats.Msg) uint64 {
	w.t.Helper()
	receipt, err := w.Log.Publish(w.t.Context(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt.Sequence
}

// Outcome is what another worker made of the event at a sequence, as it would
// publish it.
func Outcome(t testing.TB, name string, cause events.Event, sequence uint64, said events.Data) *nats.Msg {
	t.Helper()
	m := Message(t, events.NewOutcome(name, cause, said))
	m.Header.Del(events.HeaderMsgID)
	m.Header.Set(events.HeaderCause, strconv.FormatUint(sequence, 10))
	m.Header.Set(events.HeaderCauseID, cause.ID)
	return m
}

// Decide publishes a fact and returns what was decided of it.
func (w *World) Decide(fact events.Event) events.Decision {
	w.t.Helper()
	return w.DecideMessage(Message(w.t, fact))
}

// DecideMessage is Decide for a message that is not quite an event.
func (w *World) DecideMessage(m *nats.Msg) events.Decision {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), Patience)
	defer cancel()
	_, decision, err := w.Log.Ask(ctx, m)
	if err != nil {
		w.t.Fatalf("%s: %v", m.Subject, err)
	}
	return decision
}

// Last is the last message of an event's name about an extension, nil when there
// is none.
func (w *World) Last(x events.Extension, source, name string) *eventlog.Message {
	w.t.Helper()
	key := x
	m, err := w.Log.LastOf(w.t.Context(), events.Input{Source: source, Name: name}.Subject(key))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// Idle starts replicas of a worker that take their partitions and do nothing: one, or so many that none is left for the
// replicas that are named. They answer no question and count in no metric. Until end is called their partitions are not
// folded.
func (w *World) Idle(name string, without ...string) (end func()) {
	w.t.Helper()
	conn := w.NATS.Connect(w.t)
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, replica := range idleNames(without) {
		idle, err := ownership.New(ownership.Config{Conn: conn, Worker: name, Replica: replica, Partitions: events.Partitions})
		if err != nil {
			w.t.Fatal(err)
		}
		all.Go(func() {
			_ = idle.Run(ctx, func(ctx context.Context, _ int, _ func(context.Context) error) error {
				<-ctx.Done()
				return ctx.Err()
			})
		})
	}
	end = sync.OnceFunc(func() { stop(); all.Wait() })
	w.t.Cleanup(end)
	return end
}

// idleNames are such that ownership leaves nothing for some replicas.
func idleNames(without []string) []string {
	if len(without) == 0 {
		return []string{"idle"}
	}
	for salt := 0; ; salt++ {
		var names []string
		for i := range 4 * events.Partitions {
			names = append(names, fmt.Sprintf("idle-%d-%d", salt, i))
		}
		owners := ownership.Assign(events.Partitions, slices.Concat(names, without))
		if !slices.ContainsFunc(without, func(replica string) bool { return slices.Contains(owners, replica) }) {
			return names
		}
	}
}
