package fold_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
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
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, nil) }

// The rules of these tests: a worker adds up the device limits of an extension's facts and publishes every sum, except
// that a fact without a limit adds nothing, and poison makes it panic.

const (
	worker = events.License
	poison = events.MaxDeviceLimit
)

func tally() fold.Rules[int] {
	return fold.Rules[int]{
		Worker:  worker,
		Inputs:  events.Inputs(events.SoftphoneEnabled{}),
		Answers: []events.Data{events.SoftphoneEnabled{}},
		Decide: func(total int, e events.Recorded) (int, fold.Decision) {
			switch n := e.Data.(events.SoftphoneEnabled).DeviceLimit; n {
			case poison:
				panic("poison")
			case 0:
				return total, fold.Decision{Answer: "Unchanged"}
			default:
				total += n
			}
			return total, fold.Decision{Outcome: events.LicenseRevoked{
				LicenseID: e.ID, Generation: total, Reason: fmt.Sprintf("of %d", e.Sequence),
			}}
		},
		Load: func(fields map[string]string) (int, error) { return strconv.Atoi(fields["total"]) },
		Save: func(total int) fold.Fields { return fold.Fields{"total", strconv.Itoa(total)} },
	}
}

// idOf is a fact's id, for a name.
func idOf(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return fmt.Sprintf("019b0000-0000-7000-8000-%012x", h.Sum32())
}

// fact is the body of a fact that adds n.
func fact(x events.Extension, name string, n int) []byte {
	body, err := events.Event{
		ID: idOf(name), Source: events.PBX, Time: time.Unix(1767225600, 0).UTC(), Extension: x,
		Data: events.SoftphoneEnabled{Email: "ann@acme.example", Username: "ann", DisplayName: "Ann", DeviceLimit: n},
	}.Encode()
	if err != nil {
		panic(err)
	}
	return body
}

func factSubject(x events.Extension) string {
	return events.PublishSubject(events.PBX, x.Tenant, x.Number, "SoftphoneEnabled")
}

func outcomeSubject(x events.Extension) string {
	return events.PublishSubject(worker, x.Tenant, x.Number, "LicenseRevoked")
}

// world is a log, a Redis and what a test does to them.
type world struct {
	t     *testing.T
	nats  *servertest.NATSServer
	redis *servertest.RedisServer
	js    jetstream.JetStream
	log   *eventlog.Log
	rdb   *redis.Client
	key   events.Extension
	part  int

	layout  eventlog.Layout
	metrics *fold.Metrics // of the owners
	late    time.Duration // theirs

	mu        sync.Mutex
	published int
}

// window is the duplicate window of these tests: shorter than a pause in them.
const window = 200 * time.Millisecond

// soon is long enough for a machine that does ten things at once.
const soon = time.Minute

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, eventlog.Layout{DuplicateWindow: window})
}

func newWorldWith(t *testing.T, layout eventlog.Layout) *world {
	t.Helper()
	w := &world{t: t, nats: servertest.NATS(t), redis: servertest.Redis(t), key: extension("1001"), layout: layout}
	w.part = w.key.Partition()
	w.js = w.nats.JetStream(t)
	w.rdb = w.redis.Client(t)
	w.ensure()
	w.log = w.open()
	return w
}

func (w *world) ensure() {
	w.t.Helper()
	if err := eventlog.Ensure(w.t.Context(), w.js, w.layout); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) streamConfig() jetstream.StreamConfig {
	w.t.Helper()
	stream, err := w.js.Stream(w.t.Context(), events.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	return stream.CachedInfo().Config
}

// awaitServer waits until the connections of the test are back.
func (w *world) awaitServer() {
	w.t.Helper()
	for deadline := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
		_, err := w.log.State(w.t.Context())
		_, other := w.js.AccountInfo(w.t.Context())
		if (err == nil || errors.Is(err, eventlog.ErrUnfit)) && other == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the server is not back: %v", err)
		}
	}
}

// outcomes is the sequence of the last outcome, 0 if there is none.
func (w *world) outcomes() uint64 {
	w.t.Helper()
	last, err := w.log.LastOutcome(w.t.Context(), w.part, worker)
	if err != nil {
		w.t.Fatal(err)
	}
	if last == nil {
		return 0
	}
	return last.Sequence
}

// awaitOutcome waits until an outcome of a cause is in the log.
func (w *world) awaitOutcome(cause uint64) {
	w.t.Helper()
	for deadline := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
		if w.outcomes() > cause {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("no outcome of %d", cause)
		}
	}
}

// await polls until a condition holds.
func (w *world) await(what string, so func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (w *world) open() *eventlog.Log {
	w.t.Helper()
	log, err := eventlog.Open(w.t.Context(), w.nats.Connect(w.t, nats.ReconnectBufSize(-1), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond)))
	if err != nil {
		w.t.Fatal(err)
	}
	return log
}

// add publishes facts of n, with ids of their own.
func (w *world) add(ns ...int) (last uint64) {
	w.t.Helper()
	for _, n := range ns {
		w.mu.Lock()
		w.published++
		name := "fact-" + strconv.Itoa(w.published)
		w.mu.Unlock()
		last = w.publish(name, w.fact(name, n)).Sequence
	}
	return last
}

func (w *world) fact(name string, n int) []byte { return fact(w.key, name, n) }

func extension(number string) events.Extension {
	return events.Extension{Tenant: "acme", Number: number}
}

func (w *world) publish(name string, body []byte) eventlog.Receipt {
	w.t.Helper()
	receipt, err := w.log.Publish(w.t.Context(), w.message(name, body))
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt
}

func (w *world) message(name string, body []byte) *nats.Msg {
	m := nats.NewMsg(factSubject(w.key))
	m.Header.Set(events.HeaderMsgID, idOf(name))
	m.Data = body
	return m
}

// own starts an owner of the partition, whoever else has it; stop ends it. Step, if not
// nil, is called before each of its steps.
func (w *world) own(step func(string)) (stop func(), reports <-chan error) {
	w.t.Helper()
	return w.ownOn(w.open(), step)
}

func (w *world) ownOn(log *eventlog.Log, step func(string)) (func(), <-chan error) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	reported := make(chan error, 100)
	config := fold.Config{
		Log: log, Redis: w.redis.Client(w.t), Owner: "test", Logger: zerolog.New(zerolog.NewTestWriter(w.t)).Level(zerolog.WarnLevel),
		Report: func(_ int, fault error) { reported <- fault }, Step: step, Metrics: w.metrics, Late: w.late,
	}
	go func() {
		defer close(done)
		_ = fold.Run(ctx, config, tally(), w.part, func(context.Context) error { return nil })
	}()
	stop := func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return stop, reported
}

// settled waits until outcomes and states equal an independent fold.
func (w *world) settled(within time.Duration) foldtest.Report {
	w.t.Helper()
	report := foldtest.Await(w.t, w.js, w.rdb, tally(), within)
	if !report.Clean() {
		w.t.Fatalf("after %s: %v", within, report)
	}
	return report
}

func ones(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = 1
	}
	return all
}
