package fold_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// steps of a term at which an owner can be stopped.
var steps = []string{"fence", "checkpoint", "published", "reader", "read", "load", "decide", "publish", "commit", "answer"}

// ways to publish outcomes: so many facts at once, in such a log.
var ways = []struct {
	name   string
	facts  int
	layout eventlog.Layout
}{
	{"one by one", 1, eventlog.Layout{DuplicateWindow: window}},
	{"atomic batch", 40, eventlog.Layout{DuplicateWindow: window}},
	{"fast batch", 40, eventlog.Layout{DuplicateWindow: window, FastBatches: true}},
}

func TestFoldsAndPublishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(1, 2, 0, 3)
	w.own(nil)
	if got := w.settled(soon); got.Outcomes != 3 {
		t.Errorf("%d outcomes, want 3", got.Outcomes)
	}
	w.add(ones(1000)...)
	w.settled(soon)
}

// An owner is paused at a step, another takes over and goes on, the first is
// resumed when its fence and the duplicate window are of the past.
func TestPausedOwner(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for _, at := range steps {
			t.Run(at+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				w := newWorldWith(t, way.layout)
				paused, resume := make(chan struct{}), make(chan struct{})
				first := true
				w.add(ones(way.facts)...)
				w.own(func(step string) {
					if first && step == at {
						first = false
						close(paused)
						<-resume
					}
				})
				<-paused
				w.own(nil)
				w.settled(soon)
				time.Sleep(window + 100*time.Millisecond) // past the duplicate window
				w.add(ones(way.facts)...)
				w.settled(soon)
				close(resume)
				w.add(ones(way.facts)...)
				w.settled(soon)
			})
		}
	}
}

// An owner dies at a step; its successor starts from what is left.
func TestDeadOwner(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for _, at := range steps {
			t.Run(at+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				w := newWorldWith(t, way.layout)
				w.add(ones(way.facts)...)
				dead := make(chan struct{})
				first := true
				w.own(func(step string) {
					if first && step == at {
						first = false
						close(dead)
						<-t.Context().Done() // for good
					}
				})
				<-dead
				w.add(ones(way.facts)...)
				w.own(nil)
				w.settled(soon)
			})
		}
	}
}

// Redis is emptied, or put back to an older copy, under a single healthy owner,
// at each of its steps.
func TestRedisSetBack(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for _, at := range append(steps, "compare") {
			for _, how := range []string{"emptied", "put back"} {
				t.Run(how+"/"+at+"/"+way.name, func(t *testing.T) {
					t.Parallel()
					w := newWorldWith(t, way.layout)
					stop, _ := w.own(nil)
					w.add(ones(5)...)
					w.settled(soon)
					older := w.redis.Snapshot()
					w.add(ones(20)...)
					w.settled(soon)

					stop()
					armed := true
					hurt := make(chan struct{})
					w.own(func(step string) {
						if armed && step == at {
							armed = false
							if how == "emptied" {
								w.redis.Empty()
							} else {
								w.redis.PutBack(older)
							}
							close(hurt)
						}
					})
					w.add(ones(way.facts)...)
					<-hurt
					w.settled(soon)
				})
			}
		}
	}
}

// Nothing needs to happen for a Redis that lost its data to heal.
func TestHealsWithoutTraffic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.own(nil)
	w.add(ones(20)...)
	w.settled(soon)
	w.redis.Empty()
	w.settled(soon)
}

func TestTamperedState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.own(nil)
	w.add(ones(20)...)
	w.settled(soon)
	checkpoint := fmt.Sprintf("softphone:{p%d}:license:checkpoint", w.part)
	state := fmt.Sprintf("softphone:{p%d}:license:acme:1001", w.part)

	// The checkpoint alone is lost: states of the future must not be folded again.
	w.rdb.Del(t.Context(), checkpoint)
	w.add(1)
	w.settled(soon)

	// A state cannot be read.
	w.rdb.HSet(t.Context(), state, "total", "a lot")
	w.add(1)
	w.settled(soon)

	// A state is newer than the checkpoint.
	w.rdb.HSet(t.Context(), state, "seq", 1<<40, "total", "1000000")
	w.add(1)
	w.settled(soon)
}

// What is in the place of a state is none at all: its partition goes on without it.
func TestStateThatIsNone(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(ctx context.Context, rdb *redis.Client, state string) error{
		"no sequence": func(ctx context.Context, rdb *redis.Client, state string) error {
			return rdb.HDel(ctx, state, "seq").Err()
		},
		"a sequence that is no number": func(ctx context.Context, rdb *redis.Client, state string) error {
			return rdb.HSet(ctx, state, "seq", "the last").Err()
		},
		"another type": func(ctx context.Context, rdb *redis.Client, state string) error {
			return rdb.Set(ctx, state, "gone", 0).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.own(nil)
			w.add(ones(20)...)
			w.settled(soon)
			if err := spoil(t.Context(), w.rdb, w.states().Hash(w.key)); err != nil {
				t.Fatal(err)
			}
			w.awaitOutcome(w.add(1))
			w.settled(soon)
		})
	}
}

func TestRepeatedFact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.own(nil)
	body := w.fact("one", 1)
	first := w.publish("one", body)
	w.add(ones(15)...) // the 16 last facts are remembered
	time.Sleep(window + 100*time.Millisecond)
	second := w.publish("one", body)
	if second.Duplicate || second.Sequence <= first.Sequence {
		t.Fatalf("the server recognized the repetition itself: %+v", second)
	}
	if got := w.settled(soon); got.Outcomes != 16 {
		t.Errorf("%d outcomes, want 16", got.Outcomes)
	}
}

// Bad events become dead letters with their reason, once however often they are
// folded, and stop nothing.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(1)
	broken := w.publish("broken", w.fact("broken", 1)[:7])
	panics := w.add(poison)
	w.add(1)
	w.own(nil)
	w.settled(soon)
	for range 2 {
		dead := w.deadLetters()
		if len(dead) != 2 {
			t.Fatalf("%d dead letters, want 2", len(dead))
		}
		for i, want := range []struct {
			seq    uint64
			reason string
		}{{broken.Sequence, "not valid JSON"}, {panics, "panicked: poison"}} {
			h := dead[i].Headers()
			if got := h.Get(eventlog.HeaderDeadSequence); got != fmt.Sprint(want.seq) {
				t.Errorf("dead letter %d is of sequence %s, want %d", i, got, want.seq)
			}
			if got := h.Get(eventlog.HeaderDeadReason); !strings.Contains(got, want.reason) {
				t.Errorf("dead letter %d: reason %q, want %q in it", i, got, want.reason)
			}
			if h.Get(eventlog.HeaderDeadTenant) != "acme" || h.Get(eventlog.HeaderDeadExtension) != "1001" {
				t.Errorf("dead letter %d: key %v", i, h)
			}
		}
		w.redis.Empty() // and once more from the beginning
		w.settled(soon)
	}
}

func (w *world) deadLetters() []jetstream.Msg {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), soon)
	defer cancel()
	consumer, err := w.js.OrderedConsumer(ctx, events.DeadStream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		w.t.Fatal(err)
	}
	batch, err := consumer.FetchNoWait(100)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []jetstream.Msg
	for m := range batch.Messages() {
		all = append(all, m)
	}
	return all
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.own(nil)
	for _, c := range []struct {
		name          string
		body          []byte
		outcome, data string
	}{
		{"an outcome", w.fact("a", 2), "LicenseRevoked", `"generation":2`},
		{"nothing", w.fact("b", 0), "Unchanged", ""},
		{"a bad event", []byte(`{"id":"c","n":"two"}`), events.Invalid, ""},
		{"repeated", w.fact("a", 2), events.NothingToDo, ""},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		receipt, got, err := w.log.Ask(ctx, w.message(c.name, c.body))
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got.Outcome != c.outcome || got.Sequence != receipt.Sequence || !strings.Contains(string(got.Data), c.data) {
			t.Errorf("%s: answered %+v of sequence %d, want %s", c.name, got, receipt.Sequence, c.outcome)
		}
	}
}

// Only inboxes are answered: a fact must not make a worker publish elsewhere.
func TestAnswersOnlyInboxes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.own(nil)
	elsewhere, err := w.nats.Connect(t).SubscribeSync("softphone.pbx.>")
	if err != nil {
		t.Fatal(err)
	}
	m := w.message("sly", w.fact("sly", 1))
	m.Header.Set(events.HeaderReplyTo, factSubject(w.key))
	if _, err := w.log.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.settled(soon)
	for {
		got, err := elsewhere.NextMsg(100 * time.Millisecond)
		if err != nil {
			return
		}
		if got.Header.Get(events.HeaderMsgID) != idOf("sly") {
			t.Fatalf("an answer was published to %s: %s", got.Subject, got.Data)
		}
	}
}

// A server closes the connection of who publishes to a subject that is too long, and
// it stays closed: a fact must not be able to cut a worker off.
func TestAnswersNoEndlessInbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.own(nil)
	m := w.message("sly", w.fact("sly", 1))
	m.Header.Set(events.HeaderReplyTo, "_INBOX."+strings.Repeat("x", 5000))
	if _, err := w.log.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if _, _, err := w.log.Ask(ctx, w.message("next", w.fact("next", 1))); err != nil {
		t.Error(err)
	}
}
