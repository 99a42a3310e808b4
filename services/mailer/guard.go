package mailer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// guard makes sure that no two goroutines send the same mail, in one process or in two.
//
// It is needed because JetStream can hand one event to two replicas: a server that is killed has forgotten the
// deliveries of its last 100 ms (2.15.2 writes them that often), and one that was away for longer than AckWait
// has let all of them expire. The log can hold the same fact twice, too, as two messages.
//
// # States
//
// The claim of a mail is an entry in the bucket that names a process:
//
//	none ── take ──▶ claimed by P ── sent, or failed for good ──▶ kept, as long as the bucket keeps it
//	  ▲                 │    │
//	  └──── release ────┘    └── P's lease ends, Q takes ──▶ claimed by Q
//
// Every arrow is one compare-and-set: it replaces the revision that was read, or fails. A claim has no timer of its
// own. It is good while its process holds its lease, which the process renews by its beats (lease.go).
//
// # Why at most one sends
//
// A goroutine of P may write the mail when all of these hold, which [claim.good] checks last before it is written:
// the goroutine has begun the key; P's name is in the entry; and P holds the lease in the same incarnation in which
// it put its name there. Suppose that Q then sends as well.
//
//  1. Q is not P: begin admits one goroutine per key and process.
//  2. So Q has replaced P's entry; one that P released has no goroutine of P any more. Before, Q read the entry and
//     then looked at the beats, in this order. In a look that it made itself, by replacing the entry of the beats, it
//     saw P's number unchanged for a term. Call that look L. (Or P was missing there: it had not beaten yet, and has no
//     incarnation; or another process had removed it, by this same rule.)
//  3. So P asked for its last beat before L at least a term before L. P counts its lease from when it asked, and by the
//     wall clock, which goes on while a process sleeps. At L the lease had ended, and the claim was not good any more.
//     The two clocks are never compared; they only have to run equally fast.
//  4. A beat of P that is stored after L is answered after L, so later than a term after P asked for the one before.
//     P then begins a new incarnation, in which no older claim is good. To have a good one it puts its name into the
//     entry again, and then either P's compare-and-set fails or Q's.
//
// What is left is the time between good and the relay's receipt of the mail: see "What is not guaranteed" in the
// package comment.
//
// # Why every mail is sent
//
// Q sees the same number for a term once P is dead, within two beats after P's lease ends: 5 s at a term of 30 s. It
// does not take an outage for a death, so that a process with an outcome to publish can do so after the outage: a
// process that stored no beat for half a term, or lost the log meanwhile, starts to look again. A living process
// releases what it did not send. If the answer to a take or a release was lost, it tries to release that with each of
// its beats, until the bucket says whose the claim is.
//
// After a release, or after the claim of a dead process, the mail may have been sent: take says so, and the caller
// looks into the log again before it sends.
//
// # What this does not replace
//
// Package react keeps two guards of its own, for any handler: it handles a message once at a time, and it leaves a
// message alone whose AckWait has passed. They decide who may settle the message, which is the server's account and
// not the mail's. This argument does not use them.
type guard struct {
	bucket jetstream.KeyValue
	lease  *lease

	mu   sync.Mutex
	open map[string]bool // keys between begin and end
	owed map[string]bool // keys whose claim may be this process's, and nothing needs it
}

// newGuard makes the guard of one process. breaks counts how often the log was out of reach.
func newGuard(bucket jetstream.KeyValue, term time.Duration, breaks func() uint64) *guard {
	return &guard{bucket: bucket, lease: newLease(bucket, rand.Text(), term, breaks), open: map[string]bool{}, owed: map[string]bool{}}
}

// live holds the lease until the returned function is called. Before, a mail can be claimed but not sent.
func (g *guard) live() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	g.lease.beat(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		ticker := time.NewTicker(g.lease.interval())
		defer ticker.Stop()
		for {
			if g.lease.beat(ctx) {
				g.releaseOwed(ctx)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return func() { cancel(); beating.Wait() }
}

var (
	// errClaimed: another process sends the mail, has sent it, or died and its lease has not ended yet.
	errClaimed = errors.New("another process has claimed the e-mail")

	// errLapsed: somebody else may have taken the claim over.
	errLapsed = errors.New("this process slept, or was cut off from the log, for longer than its claim of the e-mail lasts")

	// errUnclaimed: the bucket cannot be used. No mail is to blame, and none can be sent.
	errUnclaimed = errors.New("no e-mail can be claimed")
)

// nobody stands in the entry of a claim that was released after somebody may have sent the mail.
const nobody = "-"

// claim is one goroutine's work on one mail, from begin to end. It is not safe for concurrent use.
type claim struct {
	*guard

	key         string
	revision    uint64 // of the entry with this process's name; 0: not taken
	incarnation uint64 // of the lease when the name was put there
	before      bool   // somebody had claimed it
	unsure      bool   // an answer was lost: the entry may have this process's name
	keep        bool   // the mail was sent, or failed for good
}

// begin starts the work on a mail. It returns nil while another goroutine of this process works on it.
func (g *guard) begin(c cause) *claim { return g.beginKey(key(c) + ".claim") }

func (g *guard) beginKey(key string) *claim {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[key] {
		return nil
	}
	own := &claim{guard: g, key: key, unsure: g.owed[key]}
	delete(g.owed, key)
	g.open[key] = true
	return own
}

// take claims the mail for this process. It reports whether somebody had claimed it before: then it may have been
// sent. Its errors are [errClaimed] and [errUnclaimed].
func (c *claim) take(ctx context.Context) (before bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	if taken, err := c.put(ctx, 0); taken || err != nil {
		return false, err
	}
	c.before = true
	holder, revision, err := current(ctx, c.bucket, c.key)
	if err != nil {
		return true, fmt.Errorf("%w: %w", errUnclaimed, err)
	}
	if revision == 0 || !c.mayReplace(ctx, string(holder)) {
		return true, errClaimed
	}
	if taken, err := c.put(ctx, revision); taken || err != nil {
		return true, err
	}
	return true, errClaimed
}

func (c *claim) mayReplace(ctx context.Context, holder string) bool {
	return holder == c.lease.self || holder == nobody || c.lease.ended(ctx, holder)
}

// put writes this process's name in the place of a revision; 0: where there is no entry.
func (c *claim) put(ctx context.Context, revision uint64) (taken bool, err error) {
	incarnation := c.lease.inForce()
	revision, err = replace(ctx, c.bucket, c.key, []byte(c.lease.self), revision)
	if err != nil {
		c.unsure = true
		return false, fmt.Errorf("%w: %w", errUnclaimed, err)
	}
	if revision > 0 {
		c.revision, c.incarnation, c.unsure = revision, incarnation, false
	}
	return revision > 0, nil
}

// good is [errLapsed] when another process may send the mail. Ask it last before the mail is written, and write it at
// once.
func (c *claim) good() error {
	if c.revision == 0 || !c.lease.holds(c.incarnation) {
		return errLapsed
	}
	return nil
}

// end ends the work on the mail. A claim that is not to be kept is released.
func (c *claim) end(ctx context.Context) {
	c.close(c.release(ctx))
}

func (c *claim) close(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, c.key)
	if err != nil {
		c.owed[c.key] = true
	}
}

func (c *claim) release(ctx context.Context) error {
	if c.keep || c.revision == 0 && !c.unsure {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bucketTimeout)
	defer cancel()
	if c.unsure {
		holder, revision, err := current(ctx, c.bucket, c.key)
		if err != nil || string(holder) != c.lease.self {
			return err
		}
		c.revision, c.before = revision, true // as far as this process knows
	}
	if c.before {
		_, err := replace(ctx, c.bucket, c.key, []byte(nobody), c.revision)
		return err
	}
	return c.bucket.Delete(ctx, c.key, jetstream.LastRevision(c.revision))
}

// releaseOwed tries again what a lost answer left in doubt.
func (g *guard) releaseOwed(ctx context.Context) {
	g.mu.Lock()
	keys := slices.Collect(maps.Keys(g.owed))
	g.mu.Unlock()
	for _, key := range keys {
		own := g.beginKey(key)
		if own == nil {
			continue
		}
		err := own.release(ctx)
		own.close(err)
		if err != nil {
			return
		}
	}
}

// retryDelay is how long a mail waits that another process has claimed.
func (g *guard) retryDelay() time.Duration { return g.lease.interval() }
