package credential

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// queue is how many may wait in a row for each that computes. More than patience
	// allows would only wait in vain.
	queue = 64

	// Patience is how long one waits for its turn.
	Patience = 2 * time.Second

	// newcomers get every so manieth turn also while known callers wait.
	newcomers = 4
)

// Caller is on whose behalf a password is computed.
type Caller struct {
	Known bool   // an administrator, or from where somebody signed in lately
	From  string // a network; "" for none
}

// turns decides who computes next. Networks take turns: in a row, who has nobody of its
// own network in front of it goes before who has one, and so on; and when a row is full,
// the last one in it goes. So one network, however many knock from there, costs another
// one turn at most, and an office that signs in at once has all the room that nobody
// else wants.
//
// Against a flood of wrong passwords from everywhere, each for another user, nothing
// tells the honest from the others but where they have been seen before: so known callers
// have a row of their own, which goes first. A newcomer still competes with the flood and
// may be told to try again: with one core to compute on and 200 wrong passwords a second
// there is no room for all.
type turns struct {
	room     int // of a row
	patience time.Duration

	mu      sync.Mutex
	free    int
	rows    [2][]*waiter // of those that are known, and of the others; in the order of their turns
	given   uint64
	refused uint64
}

// waiter is one that waits.
type waiter struct {
	turn   chan error // its turn, or ErrBusy
	from   string
	behind int // how many of its network waited when it came
}

func newTurns(n int, patience time.Duration) *turns {
	return &turns{room: n * queue, patience: patience, free: n}
}

// take waits for a turn, or returns [ErrBusy]. After nil, pass must follow.
func (t *turns) take(ctx context.Context, c Caller) error {
	w := t.enter(c)
	timeout := time.NewTimer(t.patience)
	defer timeout.Stop()
	select {
	case err := <-w.turn:
		return err
	case <-timeout.C:
		return t.leave(w, ErrBusy)
	case <-ctx.Done():
		return t.leave(w, ctx.Err())
	}
}

// enter finds a caller's place.
func (t *turns) enter(c Caller) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &waiter{turn: make(chan error, 1), from: c.From}
	if t.free > 0 {
		t.free--
		w.turn <- nil
		return w
	}
	row := &t.rows[1]
	if c.Known {
		row = &t.rows[0]
	}
	for _, other := range *row {
		if other.from == w.from && w.from != "" {
			w.behind++
		}
	}
	place := slices.IndexFunc(*row, func(other *waiter) bool { return other.behind > w.behind })
	if place < 0 {
		place = len(*row)
	}
	*row = slices.Insert(*row, place, w)
	if last := len(*row) - 1; last == t.room {
		(*row)[last].turn <- ErrBusy
		t.refused++
		*row = slices.Delete(*row, last, last+1)
	}
	return w
}

// leave gives a place up for a reason, or the turn that came with it meanwhile.
func (t *turns) leave(w *waiter, why error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if errors.Is(why, ErrBusy) {
		t.refused++
	}
	for i, row := range t.rows {
		if at := slices.Index(row, w); at >= 0 {
			t.rows[i] = slices.Delete(row, at, at+1)
			return why
		}
	}
	if err := <-w.turn; err == nil {
		t.next()
	}
	return why
}

// pass hands the turn on.
func (t *turns) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

func (t *turns) next() {
	first, second := &t.rows[0], &t.rows[1]
	if t.given++; t.given%newcomers == 0 {
		first, second = second, first
	}
	for _, row := range []*[]*waiter{first, second} {
		if len(*row) > 0 {
			(*row)[0].turn <- nil
			*row = slices.Delete(*row, 0, 1)
			return
		}
	}
	t.free++
}

// waiting counts those in both rows, and who was refused so far.
func (t *turns) waiting() (known, others int, refused uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.rows[0]), len(t.rows[1]), t.refused
}
