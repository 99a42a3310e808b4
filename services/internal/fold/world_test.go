package fold_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// The rules of these tests: a key sums up what is added to it and tells every
// sum, except that nothing is said of adding 0.

const teller = "tally"

type add struct {
	ID string `json:"id"`
	N  int    `json:"n"`

	key eventlog.Key
	seq uint64
}

func (a add) EventID() string { return a.ID }

type sum struct {
	Sum int    `json:"sum"`
	Of  uint64 `json:"of"`

	key eventlog.Key
}

func (s sum) EventName() string           { return "Sum" }
func (s sum) Subject() string             { return "softphone." + teller + "." + string(s.key) + ".Sum" }
func (s sum) Validate() error             { return nil }
func (s sum) Encode() ([]byte, error)     { return json.Marshal(s) }
func (s sum) EncodeData() ([]byte, error) { return json.Marshal(s) }

var errForOthers = errors.New("for others")

func tally() fold.Rules[int, add] {
	return fold.Rules[int, add]{
		Worker:  teller,
		Inputs:  []eventlog.Input{{Source: "pbx", Name: "Add"}},
		Answers: []string{"Add"},
		Decode: func(m eventlog.Message) (add, error) {
			a := add{key: m.Key(), seq: m.Sequence}
			err := json.Unmarshal(m.Data, &a)
			return a, err
		},
		Skip: func(err error) bool { return errors.Is(err, errForOthers) },
		Decide: func(total int, a add) (int, fold.Decision) {
			switch {
			case a.N < 0:
				panic("negative")
			case a.N == 0:
				return total, fold.Decision{Answer: "Unchanged"}
			}
			total += a.N
			return total, fold.Decision{Outcome: sum{Sum: total, Of: a.seq, key: a.key}}
		},
		Load: func(fields map[string]string) (int, error) { return strconv.Atoi(fields["total"]) },
		Save: func(total int) fold.Fields { return fold.Fields{"total", strconv.Itoa(total)} },
	}
}

// world is a log, a Redis and what a test does to them.
type world struct {
	t     *testing.T
	nats  *servertest.NATSServer
	redis *servertest.RedisServer
	js    jetstream.JetStream
	log   *eventlog.Log
	rdb   *redis.Client
	key   eventlog.Key
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
	w := &world{t: t, nats: servertest.NATS(t), redis: servertest.Redis(t), key: "acme.1001", layout: layout}
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
	last, err := w.log.LastOutcome(w.t.Context(), w.part, teller)
	if err != nil {
		w.t.Fatal(err)
	}
	if last == nil {
		return 0
	}
	return last.Sequence
}

// awaitTold waits until an outcome of a cause is in the log.
func (w *world) awaitTold(cause uint64) {
	w.t.Helper()
	for deadline := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
		if w.outcomes() > cause {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("nothing was told of %d", cause)
		}
	}
}

// await waits until something is so, which nobody tells.
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
		id := "fact-" + strconv.Itoa(w.published)
		w.mu.Unlock()
		last = w.publish(id, fmt.Appendf(nil, `{"id":%q,"n":%d}`, id, n)).Sequence
	}
	return last
}

func (w *world) publish(id string, body []byte) eventlog.Receipt {
	w.t.Helper()
	receipt, err := w.log.Publish(w.t.Context(), w.message(id, body))
	if err != nil {
		w.t.Fatal(err)
	}
	return receipt
}

func (w *world) message(id string, body []byte) *nats.Msg {
	m := nats.NewMsg("softphone.pbx." + string(w.key) + ".Add")
	m.Header.Set(events.HeaderMsgID, id)
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

// settled waits until what was told and what is kept equal an independent fold.
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
