package react_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, nil) }

var errFar = errors.New("the far side says no")

// world is a log and what a test needs around it.
type world struct {
	t      *testing.T
	server *servertest.NATSServer
	log    *eventlog.Log
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, server: servertest.NATS(t)}
	if err := eventlog.Ensure(t.Context(), w.server.JetStream(t), eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	w.log = w.open()
	return w
}

// open is the log on a connection of its own, as a replica has it.
func (w *world) open() *eventlog.Log {
	w.t.Helper()
	log, err := eventlog.Open(w.t.Context(), w.server.Connect(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	return log
}

// publish n events whose bodies are their numbers, from a number on.
func (w *world) publish(from, n int) {
	w.t.Helper()
	for i := from; i < from+n; i++ {
		m := nats.NewMsg("softphone.pbx.acme." + strconv.Itoa(i) + ".Thing")
		m.Data = []byte(strconv.Itoa(i))
		if _, err := w.log.Publish(w.t.Context(), m); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) config() react.Config {
	return react.Config{
		Log: w.log, Durable: "pusher", Inputs: []eventlog.Input{{Source: "pbx", Name: "Thing"}},
		Retry: react.Bounds{First: 20 * time.Millisecond, Max: 100 * time.Millisecond}, Recover: react.Bounds{First: 20 * time.Millisecond, Max: 100 * time.Millisecond},
		Check: 200 * time.Millisecond, Grace: 5 * time.Second, Logger: zerolog.New(zerolog.NewTestWriter(w.t)),
	}
}

// run starts a reactor. It ends with stop, or with the test.
func (w *world) run(config react.Config, handle react.Handler) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- react.Run(ctx, config, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				w.t.Errorf("Run returned %v", err)
			}
		case <-time.After(20 * time.Second):
			w.t.Error("the reactor does not stop")
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// tally counts handlings by body and lets tests wait for them.
type tally struct {
	mu      sync.Mutex
	counts  map[string]int
	changed chan struct{}
}

func newTally() *tally { return &tally{counts: map[string]int{}, changed: make(chan struct{})} }

func (c *tally) add(d react.Delivery) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[string(d.Data)]++
	close(c.changed)
	c.changed = make(chan struct{})
	return c.counts[string(d.Data)]
}

func (c *tally) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

func (c *tally) await(t *testing.T, what string, enough func(map[string]int) bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if enough(c.all()) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%s did not happen: %v", what, c.all())
		}
	}
}

func atLeast(n int) func(map[string]int) bool {
	return func(m map[string]int) bool { return len(m) >= n }
}

// settled waits until the durable has nothing to deliver and nothing open.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("the durable is done", func() bool {
		c, err := w.log.JetStream().Consumer(w.t.Context(), events.Stream, "pusher")
		if err != nil {
			return false
		}
		info := c.CachedInfo()
		return info.NumPending == 0 && info.NumAckPending == 0
	})
}

// connected waits until the log answers again.
func (w *world) connected() {
	w.t.Helper()
	w.eventually("the log answers", func() bool { _, err := w.log.State(w.t.Context()); return err == nil })
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("not so: %s", what)
}

func (w *world) dead() map[string]nats.Header {
	w.t.Helper()
	stream, err := w.log.JetStream().Stream(w.t.Context(), events.DeadStream)
	if err != nil {
		w.t.Fatal(err)
	}
	letters := map[string]nats.Header{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(w.t.Context(), seq)
		if err != nil {
			w.t.Fatal(err)
		}
		letters[string(m.Data)] = m.Header
	}
	return letters
}

func TestHandledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 200)
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "200 events", atLeast(200))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// Each result, side by side, and what is in the dead letters afterwards.
func TestResults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 4)
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error {
		n := seen.add(d)
		if d.Attempt != n {
			t.Errorf("event %s: attempt %d of %d", d.Data, d.Attempt, n)
		}
		switch string(d.Data) {
		case "1":
			return react.Permanent(fmt.Errorf("useless: %w", errFar))
		case "2":
			panic("a bug")
		case "3":
			if n < 4 {
				return errFar
			}
		}
		return nil
	})
	seen.await(t, "all results", func(m map[string]int) bool { return len(m) == 4 && m["3"] == 4 })
	w.settled()
	if got := seen.all(); got["0"] != 1 || got["1"] != 1 || got["2"] != 1 || got["3"] != 4 {
		t.Errorf("handled %v", got)
	}
	letters := w.dead()
	if len(letters) != 2 {
		t.Fatalf("%d dead letters, want 2: %v", len(letters), letters)
	}
	for body, reason := range map[string]string{"1": "useless: the far side says no", "2": "panic: a bug"} {
		h := letters[body]
		if h.Get(eventlog.HeaderDeadReason) != reason || h.Get(eventlog.HeaderDeadTenant) != "acme" ||
			h.Get(eventlog.HeaderDeadExtension) != body || h.Get(eventlog.HeaderDeadAttempts) != "1" {
			t.Errorf("dead letter %s: %v", body, h)
		}
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, giveUp := range map[string]bool{"dead letter": false, "GiveUp": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(0, 1)
			config := w.config()
			config.Deadline, config.MinAttempts = time.Millisecond, 4
			var given atomic.Int64
			if giveUp {
				config.GiveUp = func(_ context.Context, d react.Delivery, last error) error {
					if d.Attempt < 4 || !errors.Is(last, errFar) {
						t.Errorf("given up at attempt %d with %v", d.Attempt, last)
					}
					if given.Add(1) == 1 {
						return errors.New("the log is away") // and so: later
					}
					return nil
				}
			}
			seen := newTally()
			w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return errFar })
			seen.await(t, "the last attempt", func(m map[string]int) bool { return m["0"] >= 4 })
			w.settled()
			if letters, want := len(w.dead()), map[bool]int{false: 1}[giveUp]; letters != want {
				t.Errorf("%d dead letters, want %d", letters, want)
			}
			if giveUp && given.Load() != 2 {
				t.Errorf("given up %d times, want 2: one that failed, one that did not", given.Load())
			}
			if n := seen.all()["0"]; !giveUp && n != 4 {
				t.Errorf("%d attempts, want 4 although it was too old from the first", n)
			}
		})
	}
}

// An event older than the deadline because of an outage of the far side is not
// given up for it.
func TestPauseCountsAgainstNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	config := w.config()
	config.Deadline, config.MinAttempts = time.Millisecond, 2
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		switch n := seen.add(d); {
		case n <= 5:
			return react.Pause(errFar)
		case n == 6:
			if d.Attempt != 1 {
				t.Errorf("attempt %d after an outage, want 1", d.Attempt)
			}
			return errFar
		default:
			return nil
		}
	})
	seen.await(t, "the outage and two tries", func(m map[string]int) bool { return m["0"] == 7 })
	w.settled()
	if letters := w.dead(); len(letters) != 0 {
		t.Errorf("dead letters: %v", letters)
	}
}

// FACTS: with the default MaxAckPending, 1000 messages in backoff let 0 of 50
// good ones through.
func TestBackoffStarvesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1000)
	config := w.config()
	config.Retry = react.Bounds{First: time.Hour, Max: time.Hour}
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		seen.add(d)
		if n, _ := strconv.Atoi(string(d.Data)); n < 1000 {
			return errFar
		}
		return nil
	})
	seen.await(t, "1000 failures", atLeast(1000))
	began := time.Now()
	w.publish(1000, 50)
	seen.await(t, "50 good ones", atLeast(1050))
	t.Logf("50 events beside 1000 in backoff: %v", time.Since(began))
	c, err := w.log.JetStream().Consumer(t.Context(), events.Stream, "pusher")
	if err != nil || c.CachedInfo().NumAckPending < 1000 {
		t.Errorf("in backoff: %d, %v; want 1000", c.CachedInfo().NumAckPending, err)
	}
}

// health records what the reactor told.
type health struct {
	mu       sync.Mutex
	broken   map[string]error
	notReady map[string]error
	log      []string
}

func newHealth() *health {
	return &health{broken: map[string]error{}, notReady: map[string]error{}}
}

func (h *health) Broken(part string, err error)   { h.set(h.broken, "broken", part, err) }
func (h *health) NotReady(part string, err error) { h.set(h.notReady, "not ready", part, err) }

func (h *health) set(m map[string]error, state, part string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if (m[part] == nil) != (err == nil) {
		h.log = append(h.log, fmt.Sprint(part, " ", state, " ", err != nil))
	}
	m[part] = err
}

func (h *health) get(m map[string]error, part string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return m[part]
}

// What is not its turn comes again after the while that was asked for, without a
// mark against it, and the far side is not held to be back by it.
func TestLaterCountsForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	seen := newTally()
	config, told := w.config(), newHealth()
	config.Health, config.Deadline, config.MinAttempts = told, time.Nanosecond, 1
	config.GiveUp = func(context.Context, react.Delivery, error) error { t.Error("given up"); return nil }
	config.Postponed = func(context.Context, react.Delivery, react.Postponement) { t.Error("told as a failure") }
	w.run(config, func(_ context.Context, d react.Delivery) error {
		n := seen.add(d)
		if d.Attempt != 1 || d.Delivered != n {
			t.Errorf("attempt %d, delivery %d at the %d. time", d.Attempt, d.Delivered, n)
		}
		if n <= 4 {
			return react.Later(errors.New("not its turn"), time.Millisecond)
		}
		return nil
	})
	seen.await(t, "a fifth delivery", func(counts map[string]int) bool { return counts["0"] == 5 })
	w.settled()
}

// lines collects log lines.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, told := w.config(), newHealth()
	config.Health = told
	var lines lines
	config.Logger = zerolog.New(&lines).Level(zerolog.InfoLevel)
	var away atomic.Bool
	var atOnce, most, tries atomic.Int64
	away.Store(true)
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		if away.Load() {
			tries.Add(1)
			// After the first failures only one at a time may try.
			if n := atOnce.Add(1); tries.Load() > int64(2*8) && n > most.Load() {
				most.Store(n)
			}
			defer atOnce.Add(-1)
			return react.Pause(errFar)
		}
		seen.add(d)
		return nil
	})
	w.publish(0, 300)
	w.eventually("probes", func() bool { return tries.Load() > 20 })
	if err := told.get(told.notReady, "pusher"); !errors.Is(err, errFar) {
		t.Errorf("readiness says %v while paused", err)
	}
	before := tries.Load()
	time.Sleep(300 * time.Millisecond) // a time in which nothing is to happen is the only signal there is
	if n := tries.Load() - before; n > 15 {
		t.Errorf("%d tries in 300 ms with probes 80 to 120 ms apart", n)
	}
	if most.Load() > 1 {
		t.Errorf("%d probes at a time", most.Load())
	}
	away.Store(false)
	seen.await(t, "all 300 after the outage", atLeast(300))
	w.settled()
	if err := told.get(told.notReady, "pusher"); err != nil {
		t.Errorf("readiness says %v after the outage", err)
	}
	for line, want := range map[string]int{"work is paused": 1, "working again": 1, "postponed": 0} {
		if n := strings.Count(lines.String(), line); n != want {
			t.Errorf("%d lines say %q, want %d:\n%s", n, line, want, lines.String())
		}
	}
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// The one message there is goes to a slot that asked for it before the pause began,
// and no probe ever sees one: the pause ends all the same.
func TestPauseEndsWithTheLastMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, told := w.config(), newHealth()
	config.Health = told
	var failed atomic.Bool
	w.run(config, func(context.Context, react.Delivery) error {
		if failed.CompareAndSwap(false, true) {
			return react.Pause(errFar)
		}
		return nil
	})
	w.publish(0, 1)
	w.eventually("a pause", failed.Load)
	w.settled()
	w.eventually("readiness is back", func() bool { return told.get(told.notReady, "pusher") == nil })
}

// What is done without the far side says nothing of it: the pause goes on, and the
// others go on meanwhile.
func TestAsideEndsNoPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, told := w.config(), newHealth()
	config.Health = told
	config.Concurrency = 1
	var away atomic.Bool
	away.Store(true)
	paused, seen := make(chan struct{}, 1000), newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error {
		if string(d.Data) == "0" && away.Load() {
			paused <- struct{}{}
			return react.Pause(errFar)
		}
		if seen.add(d); string(d.Data) == "0" {
			return nil
		}
		if err := told.get(told.notReady, "pusher"); !errors.Is(err, errFar) {
			t.Errorf("event %s is done while readiness says %v", d.Data, err)
		}
		return react.Aside()
	})
	w.publish(0, 1)
	<-paused
	w.publish(1, 20)
	seen.await(t, "the others", atLeast(20))
	away.Store(false)
	seen.await(t, "all", atLeast(21))
	w.settled()
	w.eventually("readiness is back", func() bool { return told.get(told.notReady, "pusher") == nil })
}

func TestSlowHandlerKeepsItsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 12)
	config := w.config()
	config.AckWait = 1500 * time.Millisecond
	other := config
	other.Log = w.open()
	seen := newTally()
	slow := func(_ context.Context, d react.Delivery) error {
		seen.add(d)
		time.Sleep(4 * config.AckWait)
		return nil
	}
	w.run(config, slow)
	w.run(other, slow)
	seen.await(t, "12 events", atLeast(12))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := newTally(), newTally()
	a, b := w.config(), w.config()
	b.Log = w.open()
	slow := func(seen *tally) react.Handler {
		return func(_ context.Context, d react.Delivery) error {
			seen.add(d)
			time.Sleep(2 * time.Millisecond)
			return nil
		}
	}
	w.run(a, slow(first))
	w.run(b, slow(second))
	w.publish(0, 500)
	w.eventually("500 events", func() bool { return len(first.all())+len(second.all()) >= 500 })
	w.settled()
	all := first.all()
	for body, n := range second.all() {
		all[body] += n
	}
	if len(all) != 500 || len(first.all()) == 0 || len(second.all()) == 0 {
		t.Errorf("%d and %d events, want 500 shared", len(first.all()), len(second.all()))
	}
	for body, n := range all {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

func TestServerRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, told := w.config(), newHealth()
	config.Health = told
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	w.publish(0, 50)
	seen.await(t, "50 events", atLeast(50))
	w.settled()

	w.server.Stop()
	w.eventually("it tells that the log is away", func() bool { return told.get(told.notReady, "pusher log") != nil })
	w.server.Start()
	w.eventually("it tells that the log is back", func() bool { return told.get(told.notReady, "pusher log") == nil })
	w.publish(50, 50)
	seen.await(t, "50 more", atLeast(100))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

// A deleted durable is made again. What was handled comes again, and the handler
// finds that out by itself.
func TestConsumerDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 10)
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "10 events", atLeast(10))
	w.settled()
	if err := w.log.JetStream().DeleteConsumer(t.Context(), events.Stream, "pusher"); err != nil {
		t.Fatal(err)
	}
	w.publish(10, 10)
	seen.await(t, "10 more", atLeast(20))
	w.settled()
}

func TestPositionSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 10)
	seen := newTally()
	handle := func(_ context.Context, d react.Delivery) error { seen.add(d); return nil }
	stop := w.run(w.config(), handle)
	seen.await(t, "10 events", atLeast(10))
	w.settled()
	stop()
	w.publish(10, 10)
	changed := w.config()
	changed.AckWait, changed.Inputs = time.Minute, append(changed.Inputs, eventlog.Input{Source: "pbx", Name: "Other"})
	w.run(changed, handle) // a new version, which reads more
	seen.await(t, "10 more", atLeast(20))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	begun, finish, finished := make(chan struct{}), make(chan struct{}), make(chan struct{})
	stop := w.run(w.config(), func(ctx context.Context, _ react.Delivery) error {
		close(begun)
		<-finish
		defer close(finished)
		return ctx.Err()
	})
	<-begun
	time.AfterFunc(100*time.Millisecond, func() { close(finish) })
	stop()
	select {
	case <-finished:
	default:
		t.Fatal("it stopped before the handler")
	}
	w.settled() // acknowledged, though it was stopping
}

func TestGraceEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	config := w.config()
	config.Grace = 50 * time.Millisecond
	begun := make(chan struct{})
	stop := w.run(config, func(ctx context.Context, _ react.Delivery) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	})
	<-begun
	stop()
	seen := newTally()
	w.run(w.config(), func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "the event, by the next process and long before AckWait", atLeast(1))
}

func TestStreamRecreatedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 5)
	config, told := w.config(), newHealth()
	config.Health = told
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	seen.await(t, "5 events", atLeast(5))
	w.settled()

	js := w.log.JetStream()
	if err := js.DeleteStream(t.Context(), events.Stream); err != nil {
		t.Fatal(err)
	}
	if err := eventlog.Ensure(t.Context(), js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	w.publish(100, 5)
	w.eventually("it refuses", func() bool { return told.get(told.broken, "pusher log") != nil })
	var refusal *react.Refusal
	if err := told.get(told.broken, "pusher log"); !errors.As(err, &refusal) || strings.Count(err.Error(), "created 20") != 2 {
		t.Errorf("refusal %v, want one that names both creation times", err)
	}
	time.Sleep(3 * config.Check) // a time in which nothing is to happen
	if got := slices.Sorted(maps.Keys(seen.all())); len(got) != 5 {
		t.Errorf("took events of another log: %v", got)
	}
}

// The durable, as its metadata and its position tell, worked on another log.
func TestDurableOfAnotherLogIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(0, 1)
	stop := w.run(w.config(), func(context.Context, react.Delivery) error { return nil })
	w.settled()
	stop()
	js := w.log.JetStream()
	c, err := js.Consumer(t.Context(), events.Stream, "pusher")
	if err != nil {
		t.Fatal(err)
	}
	began := c.CachedInfo().Config
	began.Metadata["softphone-stream-created"] = "2020-01-01T00:00:00Z"
	if _, err := js.UpdateConsumer(t.Context(), events.Stream, began); err != nil {
		t.Fatal(err)
	}
	config, told := w.config(), newHealth()
	config.Health = told
	w.run(config, func(context.Context, react.Delivery) error { t.Error("took an event"); return nil })
	w.publish(1, 1)
	w.eventually("it refuses", func() bool { return told.get(told.broken, "pusher log") != nil })
	if err := told.get(told.broken, "pusher log"); !strings.Contains(err.Error(), "2020-01-01") {
		t.Errorf("refusal %v", err)
	}
}

// The whole store is put back to an older copy, consumer and all.
func TestOlderCopyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, told := w.config(), newHealth()
	config.Health = told
	seen := newTally()
	w.run(config, func(_ context.Context, d react.Delivery) error { seen.add(d); return nil })
	w.publish(0, 5)
	seen.await(t, "5 events", atLeast(5))
	w.settled()
	w.server.Stop()
	copied := w.server.CopyStore()
	w.server.Start()
	w.connected()
	w.publish(5, 5)
	seen.await(t, "5 more", atLeast(10))
	w.settled()
	w.server.Stop()
	w.server.PutBackStore(copied)
	w.server.Start()
	w.eventually("it refuses", func() bool { return told.get(told.broken, "pusher log") != nil })
	err := told.get(told.broken, "pusher log").Error()
	if !strings.Contains(err, "ends at sequence 5") || !strings.Contains(err, "has had sequence 10") {
		t.Errorf("refusal %v", err)
	}
}

// The stream alone lost its tail while nobody ran: the server sets the durable
// back to the end, so that what comes is neither skipped nor repeated.
func TestLostTail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := newTally()
	handle := func(_ context.Context, d react.Delivery) error { seen.add(d); return nil }
	w.publish(0, 5)
	w.server.Stop()
	copied := w.server.CopyStore()
	w.server.Start()
	w.connected()
	w.publish(5, 5)
	stop := w.run(w.config(), handle)
	w.settled()
	stop()
	w.server.Stop()
	keep := t.TempDir()
	stored := filepath.Join("jetstream", "$G", "streams", events.Stream, "obs")
	if err := os.CopyFS(keep, os.DirFS(filepath.Join(w.server.Dir(), stored))); err != nil {
		t.Fatal(err)
	}
	w.server.PutBackStore(copied)
	if err := os.RemoveAll(filepath.Join(w.server.Dir(), stored)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(w.server.Dir(), stored), os.DirFS(keep)); err != nil {
		t.Fatal(err)
	}
	w.server.Start()
	w.connected()
	w.run(w.config(), handle)
	w.publish(10, 5)
	seen.await(t, "what came after the loss", atLeast(15))
	w.settled()
	for body, n := range seen.all() {
		if n != 1 {
			t.Errorf("event %s was handled %d times", body, n)
		}
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	w := newWorld(t)
	seen := newTally()
	handle := func(_ context.Context, d react.Delivery) error { seen.add(d); return nil }
	first := w.run(w.config(), handle)
	w.publish(0, 1)
	seen.await(t, "an event", atLeast(1))
	first()
	before := goleak.IgnoreCurrent() // the server's goroutines for the durable stay
	stop := w.run(w.config(), handle)
	w.publish(1, 19)
	seen.await(t, "20 events", atLeast(20))
	stop()
	goleak.VerifyNone(t, before)
}
