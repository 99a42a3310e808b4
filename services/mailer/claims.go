package mailer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// claims see to it that a mail is one process's at a time, whatever the log makes of
// whom it gave the event: a NATS server that is killed has forgotten the deliveries of
// the last 100 ms (2.15.2 writes them down that often), and one that was away for
// long has all of them run out. Then two replicas have the event.
//
// A process writes its claim into the bucket before it sends, and renews it until the
// outcome is in the log. It can where there is none. In the place of another's it can
// when that claim is abandoned: its process is dead (replicas.go), or the same claim was
// there a term ago, and the log was in reach all the while. So an outage is nobody's
// death: whoever has an outcome to tell has a term for it afterwards.
//
// A claim is good for a term from when it was asked for, and from when its process last
// asked to be counted among the living, by the wall clock, as a process that sleeps stops
// the other one. Another takes it over a term after it saw either, so later; the two
// clocks are never compared. The bucket decides between the two in any case: each puts
// its name in the place of what it has seen, or fails.
//
// A process that died had its last beat a twentieth of a term before, at most, so others
// have what it claimed two beats after the term: within 5 s at a term of 30 s. A claim
// that a living process does not know that it has, for the answer was lost, takes a term
// more.
//
// A mail that was sent stays claimed, for as long as the bucket keeps it.
type claims struct {
	bucket  jetstream.KeyValue
	process string        // of this run
	term    time.Duration // of a claim that is not renewed
	breaks  func() uint64 // how often the log was out of reach

	replicas *replicas

	mu    sync.Mutex
	seen  map[string]sight // others' claims, by key
	swept time.Time
}

// sight of another process's claim.
type sight struct {
	revision, breaks uint64
	at               time.Time
}

func newClaims(bucket jetstream.KeyValue, term time.Duration, breaks func() uint64) *claims {
	process := rand.Text()
	return &claims{
		bucket: bucket, process: process, term: term, breaks: breaks, seen: map[string]sight{},
		replicas: newReplicas(bucket, process, term, breaks),
	}
}

// live makes this process one of the living until the returned function is called.
// Before its first beat it can claim, and send nothing.
func (cs *claims) live() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	cs.replicas.beat(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { cs.replicas.run(ctx) })
	return func() { cancel(); beating.Wait() }
}

var (
	// errClaimed: another process sends the mail, or has sent it, or is dead.
	errClaimed = errors.New("another process has claimed the e-mail")

	// errLapsed: somebody else may have taken the claim over.
	errLapsed = errors.New("this process slept, or was cut off from the log, for longer than its claim of the e-mail lasts")

	// errUnclaimed: nobody's mail is to blame, and none can be sent.
	errUnclaimed = errors.New("no e-mail can be claimed")
)

// again is when to look at another's claim the next time.
func (cs *claims) again() time.Duration { return cs.replicas.every() }

// abandoned says whether another's claim is a dead one's, or has been seen for a term
// without a break.
func (cs *claims) abandoned(key, holder string, revision uint64) bool {
	if cs.replicas.dead(holder) {
		return true
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	now := sight{revision, cs.breaks(), time.Now()}
	if first, ok := cs.seen[key]; ok && first.revision == now.revision && first.breaks == now.breaks {
		return now.at.Sub(first.at) >= cs.term
	}
	cs.sweep(now.at)
	cs.seen[key] = now
	return false
}

// sweep forgets claims of mails that others ended.
func (cs *claims) sweep(now time.Time) {
	if now.Sub(cs.swept) < cs.term {
		return
	}
	cs.swept = now
	for key, first := range cs.seen {
		if now.Sub(first.at) > 10*cs.term {
			delete(cs.seen, key)
		}
	}
}

func (cs *claims) forget(key string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.seen, key)
}

// claim of one mail. It has to be ended.
type claim struct {
	all *claims
	key string

	mu       sync.Mutex
	revision uint64    // 0: not taken
	since    time.Time // wall clock
	renewal  *time.Timer
	ended    bool
}

func (cs *claims) of(c cause) *claim { return &claim{all: cs, key: key(c) + ".claim"} }

// take makes the mail this process's, once. It says whether somebody had claimed it
// before: then it may have been sent. [errClaimed] and [errUnclaimed] are its errors.
func (c *claim) take(ctx context.Context) (before bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	before, err = c.acquire(ctx)
	if err != nil {
		return before, err
	}
	c.all.forget(c.key)
	c.renewal = time.AfterFunc(c.all.term/3, c.renew)
	return before, nil
}

// acquire puts this process's name where there is none, its own, or that of a dead one.
func (c *claim) acquire(ctx context.Context) (before bool, err error) {
	if taken, err := c.put(ctx, 0); taken || err != nil {
		return false, err
	}
	holder, revision, err := current(ctx, c.all.bucket, c.key)
	if err != nil {
		return true, fmt.Errorf("%w: %w", errUnclaimed, err)
	}
	if revision == 0 || string(holder) != c.all.process && !c.all.abandoned(c.key, string(holder), revision) {
		return true, errClaimed
	}
	if taken, err := c.put(ctx, revision); taken || err != nil {
		return true, err
	}
	return true, errClaimed
}

// put writes the name in the place of a revision.
func (c *claim) put(ctx context.Context, revision uint64) (taken bool, err error) {
	asked := time.Now().Round(0)
	revision, err = replace(ctx, c.all.bucket, c.key, []byte(c.all.process), revision)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errUnclaimed, err)
	}
	if revision > 0 {
		c.revision, c.since = revision, asked
	}
	return revision > 0, nil
}

// renew goes on until the claim is ended. What fails counts the next time; a claim
// that is another's stays so.
func (c *claim) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(brief, c.all.term/3))
	defer cancel()
	if taken, err := c.put(ctx, c.revision); !taken && err == nil {
		// An answer that was lost makes the own claim look like another's.
		if holder, revision, err := current(ctx, c.all.bucket, c.key); err == nil && string(holder) == c.all.process {
			_, _ = c.put(ctx, revision)
		}
	}
	c.renewal.Reset(c.all.term / 3)
}

// good is [errLapsed] when another process may send the mail. It is asked last before
// the mail is written, and what follows has to follow at once.
func (c *claim) good() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision == 0 || !c.lasts() {
		return errLapsed
	}
	return c.all.replicas.lives()
}

func (c *claim) lasts() bool { return time.Now().Round(0).Sub(c.since) < c.all.term }

// end renews it no more. What was sent stays claimed: the log says of whom it is.
func (c *claim) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.renewal != nil {
		c.renewal.Stop()
	}
}

// release gives up the mail, which was not sent: the next try may be another's.
func (c *claim) release(ctx context.Context) {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), brief)
	defer cancel()
	_ = c.all.bucket.Delete(ctx, c.key, jetstream.LastRevision(c.revision)) // else it ends with its term
}
