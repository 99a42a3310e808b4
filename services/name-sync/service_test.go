package namesync

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// start runs a replica; a zero Directory is none.
func start(w *workertest.World, replica string, d Directory) (stop func()) {
	return w.Start(func(ctx context.Context) error {
		return Run(ctx, Config{Config: w.Config(replica), Directory: d})
	})
}

func get(w *workertest.World, x events.Extension) events.NameAnswer {
	return workertest.Get[events.NameAnswer](w, events.NameSync, x)
}

func rename(x events.Extension, name string) events.Event {
	return events.NewFact(x, events.ExtensionRenamed{Name: name})
}

func enable(x events.Extension, name string) events.Event {
	return events.NewFact(x, events.SoftphoneEnabled{Email: "ada@acme.example", Username: "ada", DisplayName: name})
}

func TestRenames(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a", Directory{})
	x := workertest.Extension()
	enabled := w.Publish(enable(x, "Ada"))
	w.Eventually("it has the name it was enabled with", func() bool {
		return get(w, x) == events.NameAnswer{Current: true, Name: "Ada", Sequence: enabled}
	})
	decision := w.Decide(rename(x, "Ada King"))
	var said events.SoftphoneRenamed
	if err := json.Unmarshal(decision.Data, &said); err != nil {
		t.Fatal(err)
	}
	if decision.Outcome != "SoftphoneRenamed" || said.Name != "Ada King" {
		t.Errorf("decided %+v %+v", decision, said)
	}
	if got := get(w, x); got != (events.NameAnswer{Current: true, Name: "Ada King", Sequence: decision.Sequence}) {
		t.Errorf("renamed: %+v, want the name of %d", got, decision.Sequence)
	}
	w.Publish(events.NewFact(x, events.ExtensionDeleted{}))
	w.Eventually("it has no name", func() bool { return get(w, x) == events.NameAnswer{Current: true} })
	workertest.Settled(t, w, Rules())
}

// What others answer it leaves to them.
func TestAnswersRenamesOnly(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a", Directory{})
	x := workertest.Extension()
	for _, fact := range []events.Event{enable(x, "Ada"), events.NewFact(x, events.ExtensionDeleted{})} {
		inbox := w.Log.Conn().NewInbox()
		answers, err := w.Log.Conn().SubscribeSync(inbox)
		if err != nil {
			t.Fatal(err)
		}
		m := workertest.Message(t, fact)
		m.Header.Set(events.HeaderReplyTo, inbox)
		w.Store(m)
		w.Decide(rename(x, "Ada")) // decided after it, so it would be answered by now
		if m, err := answers.NextMsg(10 * time.Millisecond); err == nil {
			t.Errorf("%s was answered %s", fact.EventName(), m.Data)
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	stop := start(w, "a", Directory{})
	x := workertest.Extension()
	named := w.Decide(rename(x, "Ada")).Sequence
	if got := get(w, events.Extension{Tenant: "acme", Number: "never-seen"}); got != (events.NameAnswer{Current: true}) {
		t.Errorf("never seen: %+v", got)
	}
	w.WrongQuestions(events.NameSync)
	stop()

	release := w.Idle(events.NameSync, "b")
	w.Redis.Empty()
	start(w, "b", Directory{})
	if got := get(w, x); got != (events.NameAnswer{}) {
		t.Errorf("with nothing in Redis and nobody who folds: %+v", got)
	}
	release()
	w.Eventually("what was lost is folded again", func() bool {
		return cmp.Equal(get(w, x), events.NameAnswer{Current: true, Name: "Ada", Sequence: named})
	})
	workertest.Settled(t, w, Rules())
}

func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	stop := start(w, "a", Directory{})
	start(w, "b", Directory{})
	w.Shares(events.NameSync, "a", "b")
	publish := func(name string) {
		for i := range 200 {
			w.Publish(rename(workertest.Nth(i), name))
		}
	}
	publish("One")
	if got := workertest.Settled(t, w, Rules()); got.Outcomes != 200 {
		t.Errorf("%d outcomes, want 200", got.Outcomes)
	}
	publish("Two")
	stop()
	w.Shares(events.NameSync, "b")
	publish("Three")
	if got := workertest.Settled(t, w, Rules()); got.Outcomes != 600 {
		t.Errorf("%d outcomes, want 600", got.Outcomes)
	}
}

func TestForeignPasswordGoesNowhere(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	d := newDirectory(t)
	start(w, "a", d.config())
	x := workertest.Extension()
	w.Store(w.Tainted(enable(x, "Ada")))
	if got := w.DecideMessage(w.Tainted(rename(x, "Ada King"))); got.Outcome != "SoftphoneRenamed" {
		t.Errorf("decided %+v", got)
	}
	torn := w.Tainted(rename(x, "Ada"))
	torn.Data = torn.Data[:len(torn.Data)-9]
	if got := w.DecideMessage(torn); got.Outcome != events.Invalid {
		t.Errorf("decided %+v", got)
	}
	w.Store(w.Tainted(events.NewFact(x, events.ExtensionDeleted{})))
	workertest.Settled(t, w, Rules())
	d.pushed(w, 1)
	if dead := w.Messages(events.DeadStream, "dead.name-sync.>"); len(dead) != 1 {
		t.Errorf("%d dead letters, want the torn one", len(dead))
	}
	w.Untold(events.NameSync)
	d.hasNot(workertest.Word)
}

func TestNoDirectoryNoConsumer(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	start(w, "a", Directory{})
	w.Decide(rename(workertest.Extension(), "Ada"))
	if _, err := w.JS.Consumer(t.Context(), events.Stream, PushDurable); !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Errorf("consumer %s: %v, want none", PushDurable, err)
	}
}
