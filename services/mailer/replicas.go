package mailer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// replicas tell each other that they live: in one entry of the bucket each has a
// number, and adds to it with every beat. So one that died is known to be dead by the
// time its events are given to others, and what it had claimed is theirs at once.
//
// A replica lives for a term from when it asked for its last beat, by the wall clock,
// as a process that sleeps stops the other one. To others it is dead when they have
// seen the same number for a term. They see it later than it was asked for, so they
// are later; the two clocks are never compared. What they see is not of the past: an
// entry is written in the place of the one that was read, or not at all.
//
// An outage is nobody's death. Who could not beat for a while, or lost the log
// meanwhile, has seen nobody: it starts to look again.
type replicas struct {
	bucket jetstream.KeyValue
	self   string
	term   time.Duration
	breaks func() uint64 // how often the log was out of reach

	mu     sync.Mutex
	number uint64              // of this process
	asked  time.Time           // for the last beat that was stored; wall clock
	stored time.Time           // when it was
	since  time.Time           // since when this process looks without a break
	broken uint64              // breaks until then
	seen   map[string]beatSeen // of the others
}

// beatSeen is the last number of another replica and when it was new.
type beatSeen struct {
	number uint64
	at     time.Time
}

// replicasKey is no mail's: those are tenant.extension.…
const replicasKey = "replicas"

// beatsInATerm is how often a replica says that it lives. A dead one is found out up
// to two beats after its term.
const beatsInATerm = 20

func newReplicas(bucket jetstream.KeyValue, self string, term time.Duration, breaks func() uint64) *replicas {
	return &replicas{bucket: bucket, self: self, term: term, breaks: breaks, seen: map[string]beatSeen{}}
}

func (r *replicas) every() time.Duration { return r.term / beatsInATerm }

// run beats until the context ends.
func (r *replicas) run(ctx context.Context) {
	ticker := time.NewTicker(r.every())
	defer ticker.Stop()
	for {
		r.beat(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// beat says that this process lives, and sees who else does. What fails counts the next
// time.
func (r *replicas) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, min(brief, r.term/4))
	defer cancel()
	for ctx.Err() == nil {
		asked := time.Now().Round(0)
		others, stored, err := r.write(ctx)
		if err != nil {
			return
		}
		if stored {
			r.note(asked, others)
			return
		}
		time.Sleep(rand.N(r.every()/10 + time.Millisecond)) // another replica was quicker
	}
}

// write puts the own number into the entry. Those that are dead are left out: that
// makes them no more alive.
func (r *replicas) write(ctx context.Context) (others map[string]uint64, stored bool, err error) {
	value, revision, err := current(ctx, r.bucket, replicasKey)
	if err != nil {
		return nil, false, err
	}
	others = map[string]uint64{}
	_ = json.Unmarshal(value, &others) // of nobody, when it cannot be read
	delete(others, r.self)
	maps.DeleteFunc(others, func(id string, number uint64) bool { return r.dead(id) && r.unchanged(id, number) })
	all := maps.Clone(others)
	r.mu.Lock()
	r.number++
	all[r.self] = r.number
	r.mu.Unlock()
	body, err := json.Marshal(all)
	if err != nil {
		return nil, false, fmt.Errorf("encoding the replicas: %w", err)
	}
	revision, err = replace(ctx, r.bucket, replicasKey, body, revision)
	return others, revision > 0, err
}

func (r *replicas) unchanged(id string, number uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[id].number == number
}

// note takes note of a beat and of the others' numbers.
func (r *replicas) note(asked time.Time, others map[string]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if !r.looking(now) {
		r.since, r.broken = now, r.breaks()
		clear(r.seen)
	}
	r.asked, r.stored = asked, now
	for id, number := range others {
		if before, known := r.seen[id]; !known || before.number != number {
			r.seen[id] = beatSeen{number, now}
		}
	}
	maps.DeleteFunc(r.seen, func(_ string, s beatSeen) bool { return now.Sub(s.at) > 10*r.term })
}

// looking says whether this process has seen the others all the while, also whether it
// did so by the wall clock: one that slept did not.
func (r *replicas) looking(now time.Time) bool {
	const missed = 4 // beats
	return !r.stored.IsZero() && now.Sub(r.stored) < missed*r.every() && now.Round(0).Sub(r.asked) < missed*r.every()+r.term/4 &&
		r.broken == r.breaks()
}

// dead says whether a process has not said for a term that it lives, and could have. One
// that is not there is not heard of since this process looks.
func (r *replicas) dead(process string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if process == r.self || !r.looking(now) {
		return false
	}
	last := r.since
	if s, known := r.seen[process]; known {
		last = s.at
	}
	return now.Sub(last) >= r.term
}

// lives is [errLapsed] when others may take this process for dead.
func (r *replicas) lives() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked.IsZero() || time.Now().Round(0).Sub(r.asked) >= r.term {
		return errLapsed
	}
	return nil
}
