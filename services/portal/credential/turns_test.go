package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// taken is turns of which the only one is taken.
func taken(t *testing.T) *turns {
	t.Helper()
	all := newTurns(1, time.Hour)
	if err := all.take(t.Context(), Caller{}); err != nil {
		t.Fatal(err)
	}
	return all
}

// from are callers from some networks; "!" in front: known.
func from(networks ...string) (all []Caller) {
	for _, n := range networks {
		all = append(all, Caller{Known: n[0] == '!', From: n})
	}
	return all
}

// Known callers go first, everybody else gets every fourth turn; networks take turns.
func TestOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		come []Caller
		want []int // as they came
	}{
		{"known first", from("a", "b", "c", "!d", "!e", "!f", "!g"), []int{3, 4, 5, 0, 6, 1, 2}},
		{"one network after another", from("a", "a", "a", "b", "b", "c"), []int{0, 3, 5, 1, 4, 2}},
		{"nobody's network", []Caller{{}, {}, {From: "a"}, {From: "a"}, {}}, []int{0, 1, 2, 4, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all := taken(t)
			var waiting []*waiter
			for _, caller := range c.come {
				waiting = append(waiting, all.enter(caller))
			}
			var got []int
			for range c.come {
				all.pass()
				got = append(got, slices.IndexFunc(waiting, func(w *waiter) bool { return len(w.turn) == 1 }))
				if err := <-waiting[got[len(got)-1]].turn; err != nil {
					t.Error(err)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("in the order %v, want %v", got, c.want)
			}
			if all.pass(); all.free != 1 {
				t.Errorf("%d are free", all.free)
			}
		})
	}
}

// One network may have all the room; another one's caller still gets in, and next.
// Those who are known have a room of their own.
func TestBusy(t *testing.T) {
	t.Parallel()
	all := taken(t)
	var flood []*waiter
	for range 2 * queue {
		flood = append(flood, all.enter(Caller{From: "flood"}))
	}
	for i, w := range flood {
		if i < queue {
			if len(w.turn) != 0 {
				t.Errorf("the %dth is told something", i)
			}
		} else if err := <-w.turn; !errors.Is(err, ErrBusy) {
			t.Errorf("the %dth: %v", i, err)
		}
	}
	office, known := all.enter(Caller{From: "office"}), all.enter(Caller{From: "flood", Known: true})
	if err := <-flood[queue-1].turn; !errors.Is(err, ErrBusy) {
		t.Errorf("whose place the other took: %v", err)
	}
	if known, others, refused := all.waiting(); known != 1 || others != queue || refused != queue+1 {
		t.Errorf("%d and %d wait, %d were refused", known, others, refused)
	}
	for i, next := range []*waiter{known, flood[0], office, flood[1]} {
		all.pass()
		if err := <-next.turn; err != nil {
			t.Errorf("turn %d: %v", i, err)
		}
	}
}

// Who waited too long or goes away leaves no place taken, also when its turn came at
// that very moment.
func TestLeave(t *testing.T) {
	t.Parallel()
	all := taken(t)
	all.patience = 0
	for range 100 {
		if err := all.take(t.Context(), Caller{}); !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
	}
	all.patience = time.Hour
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := all.take(gone, Caller{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if known, others, refused := all.waiting(); known+others != 0 || refused != 100 {
		t.Errorf("%d and %d wait, %d were refused", known, others, refused)
	}
	w := all.enter(Caller{})
	all.pass() // to w, who is just leaving
	if err := all.leave(w, ErrBusy); !errors.Is(err, ErrBusy) || all.free != 1 {
		t.Errorf("a turn is lost: %v, %d", err, all.free)
	}
	var full []*waiter
	all = taken(t)
	for i := range queue + 1 {
		full = append(full, all.enter(Caller{From: fmt.Sprint(i)}))
	}
	_ = all.leave(full[queue], ErrBusy) // was told so already
	if all.free != 0 {
		t.Error("a turn is made up")
	}
}
