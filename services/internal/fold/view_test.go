package fold_test

import (
	"fmt"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// A view never takes the past for the present.
func TestView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	view := fold.View[int, add]{Log: w.log, Redis: w.rdb, Rules: tally()}
	want := func(when string, key eventlog.Key, state int, current bool) {
		t.Helper()
		got, is, err := view.Get(t.Context(), key)
		if err != nil || got != state || is != current {
			t.Errorf("%s: %d, current %t, %v; want %d, %t", when, got, is, err, state, current)
		}
	}
	want("never seen", "acme.9999", 0, true)
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
	if _, err := w.js.Publish(t.Context(), "softphone.pbx."+string(w.key)+".Other", nil); err != nil {
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
	view := fold.View[int, add]{Log: w.log, Redis: w.rdb, Rules: tally()}

	checkpoint := fmt.Sprintf("softphone:{p%d}:tally:checkpoint", w.part)
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
