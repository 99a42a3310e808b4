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

// lease says which processes live. All of them share one entry of the bucket: in it each has a number, and adds to it
// with every beat, which replaces the entry that was read or fails.
//
// A process holds its lease for a term from when it asked for its last beat, by the wall clock. Another process sees
// that the lease has ended when it has seen the same number for a term, and could see it. The comment of guard has
// the argument.
type lease struct {
	bucket jetstream.KeyValue
	self   string // this run of this process
	term   time.Duration
	breaks func() uint64 // how often the log was out of reach

	beating sync.Mutex // one beat at a time

	mu          sync.Mutex
	number      uint64
	asked       time.Time           // when the last stored beat was asked for; wall clock
	stored      time.Time           // when its answer came
	incarnation uint64              // how often the lease began; 0: not yet
	since       time.Time           // since when this process looks without a break
	broken      uint64              // breaks until then
	seen        map[string]beatSeen // of the others
}

// beatSeen is the last number of another process and when it was new.
type beatSeen struct {
	number uint64
	at     time.Time
}

// leaseKey is no mail's: those are tenant.extension.…
const leaseKey = "replicas"

// beatsPerTerm bounds how late a death is noticed: two beats after the lease ends.
const beatsPerTerm = 20

func newLease(bucket jetstream.KeyValue, self string, term time.Duration, breaks func() uint64) *lease {
	return &lease{bucket: bucket, self: self, term: term, breaks: breaks, seen: map[string]beatSeen{}}
}

func (l *lease) interval() time.Duration { return l.term / beatsPerTerm }

// beat renews the lease and looks at the others. It reports whether it did; if not, the next beat will.
func (l *lease) beat(ctx context.Context) bool {
	l.beating.Lock()
	defer l.beating.Unlock()
	ctx, cancel := context.WithTimeout(ctx, min(bucketTimeout, l.term/4))
	defer cancel()
	for ctx.Err() == nil {
		asked := wall()
		others, stored, err := l.write(ctx)
		if err != nil {
			return false
		}
		if stored {
			l.note(asked, others)
			return true
		}
		time.Sleep(rand.N(l.interval()/10 + time.Millisecond)) // another process was quicker
	}
	return false
}

// write puts the next number into the entry. It leaves out processes whose lease has ended, which they may take up again.
func (l *lease) write(ctx context.Context) (others map[string]uint64, stored bool, err error) {
	value, revision, err := current(ctx, l.bucket, leaseKey)
	if err != nil {
		return nil, false, err
	}
	others = map[string]uint64{}
	_ = json.Unmarshal(value, &others) // without a known process, when it cannot be read
	delete(others, l.self)
	body, err := json.Marshal(l.entry(others))
	if err != nil {
		return nil, false, fmt.Errorf("encoding the beats: %w", err)
	}
	revision, err = replace(ctx, l.bucket, leaseKey, body, revision)
	return others, revision > 0, err
}

// entry is what to write: this process's next number, and those of the others that live.
func (l *lease) entry(others map[string]uint64) map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(others, func(id string, number uint64) bool { return l.seen[id].number == number && l.silent(id) })
	l.number++
	all := maps.Clone(others)
	all[l.self] = l.number
	return all
}

// note records a beat that was stored, and the others' numbers.
func (l *lease) note(asked time.Time, others map[string]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.incarnation == 0 || wall().Sub(l.asked) >= l.term {
		l.incarnation++
	}
	if !l.looking(now) {
		l.since, l.broken = now, l.breaks()
		clear(l.seen)
	}
	l.asked, l.stored = asked, now
	for id, number := range others {
		if before, known := l.seen[id]; !known || before.number != number {
			l.seen[id] = beatSeen{number, now}
		}
	}
	maps.DeleteFunc(l.seen, func(_ string, s beatSeen) bool { return now.Sub(s.at) > 10*l.term })
}

// looking reports whether this process has seen the others without a break: the log was in reach, and it stored a beat
// in the last half term, also by the wall clock. After a shorter outage the others have half a term to beat again.
func (l *lease) looking(now time.Time) bool {
	return !l.stored.IsZero() && now.Sub(l.stored) < l.term/2 && now.Round(0).Sub(l.asked) < l.term*3/4 && l.broken == l.breaks()
}

// inForce is the lease's incarnation. Ask [lease.holds] whether it still holds.
func (l *lease) inForce() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.incarnation
}

// holds reports whether this process holds the lease, and has held it since it was in an incarnation.
func (l *lease) holds(incarnation uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.incarnation > 0 && l.incarnation == incarnation && wall().Sub(l.asked) < l.term
}

// ended reports whether another process's lease has ended, by a look that is made now: the process may have beaten,
// or begun, since the last one.
func (l *lease) ended(ctx context.Context, process string) bool {
	return l.dead(process) && l.beat(ctx) && l.dead(process)
}

// dead reports whether a process has not beaten for a term, as of the last look.
func (l *lease) dead(process string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent(process)
}

// silent is dead, with the lock held. A process that is not in the entry is silent since this process looks.
func (l *lease) silent(process string) bool {
	now := time.Now()
	if process == l.self || !l.looking(now) {
		return false
	}
	last := l.since
	if s, known := l.seen[process]; known {
		last = s.at
	}
	return now.Sub(last) >= l.term
}

// wall is the time of the wall clock alone, which goes on while a machine sleeps.
func wall() time.Time { return time.Now().Round(0) }
