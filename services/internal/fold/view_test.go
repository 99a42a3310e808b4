package fold_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// A view never takes the past for the present.
func TestView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	view := fold.View[int]{Log: w.log, Redis: w.rdb, Rules: tally()}
	want := func(when string, key events.Extension, state int, current bool) {
		t.Helper()
		got, is, err := view.Get(t.Context(), key)
		if err != nil || got != state || is != current {
			t.Errorf("%s: %d, current %t, %v; want %d, %t", when, got, is, err, state, current)
		}
	}
	want("never seen", extension("9999"), 0, true)
	stop, _ := w.own(nil)
	w.add(1, 2)
	w.settled(soon)
	want("up to date", w.key, 3, true)

	stop()
	w.add(4)
	want("behind", w.key, 3, false)
	w.own(nil)
	w.settled(soon)
	want("caught up", w.key, 7, true)

	// What is not an input of the worker does not make it late.
	if _, err := w.js.Publish(t.Context(), events.PublishSubject(events.PBX, w.key.Tenant, w.key.Number, "Other"), nil); err != nil {
		t.Fatal(err)
	}
	want("after another event", w.key, 7, true)
}

func TestViewOfARedisSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop, _ := w.own(nil)
	w.add(1, 2)
	w.settled(soon)
	older := w.redis.Snapshot()
	w.add(4)
	w.settled(soon)
	stop()
	view := fold.View[int]{Log: w.log, Redis: w.rdb, Rules: tally()}

	checkpoint := fmt.Sprintf("softphone:{p%d}:license:checkpoint", w.part)
	newest := w.redis.Snapshot()
	for what, do := range map[string]func(){
		"put back":               func() { w.redis.PutBack(older) },
		"emptied":                w.redis.Empty,
		"without its checkpoint": func() { w.rdb.Del(t.Context(), checkpoint) },
		"another stream's":       func() { w.rdb.HSet(t.Context(), checkpoint, "stream", "1") },
		"checkpoint set back":    func() { w.rdb.HSet(t.Context(), checkpoint, "seq", 1) },
		"beyond the log":         func() { w.rdb.HSet(t.Context(), checkpoint, "seq", 1<<40) },
	} {
		w.redis.PutBack(newest)
		if _, current, err := view.Get(t.Context(), w.key); !current || err != nil {
			t.Fatalf("before: current %t, %v", current, err)
		}
		do()
		if got, current, err := view.Get(t.Context(), w.key); current || err != nil {
			t.Errorf("%s: %d is said to be current, %v", what, got, err)
		}
	}
}

// A state is that of a look at the log when nothing is missing in it and nothing in it is later.
func TestEntryAsOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	view := fold.View[int]{Log: w.log, Redis: w.rdb, Rules: tally()}
	look := func(key events.Extension) events.Position {
		t.Helper()
		at, err := w.log.LastAbout(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		last, err := w.log.LastInput(t.Context(), key, tally().Inputs...) // the sums are no inputs
		if err != nil {
			t.Fatal(err)
		}
		if at.Sequence = 0; last != nil {
			at.Sequence = last.Sequence
		}
		return at
	}
	read := func(key events.Extension) fold.Entry[int] {
		t.Helper()
		entry, err := view.Read(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return entry
	}
	if !read(extension("9999")).AsOf(look(extension("9999"))) {
		t.Error("never seen, nothing folded: not of now")
	}
	stop, _ := w.own(nil)
	w.add(1, 2)
	w.settled(soon)
	stop()
	first, before := look(w.key), read(w.key)
	if !before.AsOf(first) || before.State != 3 || !read(extension("9999")).AsOf(look(extension("9999"))) {
		t.Errorf("up to date: %d, %v", before.State, first)
	}
	another := first
	another.Log = another.Log.Add(time.Nanosecond)
	if before.AsOf(another) {
		t.Error("another stream's state is said to be of now")
	}
	w.add(4)
	second := look(w.key)
	if second.Sequence <= first.Sequence || read(w.key).AsOf(second) {
		t.Error("behind, and said to be of now")
	}
	w.own(nil)
	w.settled(soon)
	if entry := read(w.key); !entry.AsOf(second) || entry.State != 7 || entry.AsOf(first) || before.AsOf(second) {
		t.Errorf("caught up: %d of the second look %t, of the first %t; the older state of the second %t",
			entry.State, entry.AsOf(second), entry.AsOf(first), before.AsOf(second))
	}
	older := w.redis.Snapshot()
	w.redis.Empty()
	if read(w.key).AsOf(second) {
		t.Error("Redis is empty, and its state said to be of now")
	}
	w.redis.PutBack(older)
}
