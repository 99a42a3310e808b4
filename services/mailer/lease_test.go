package mailer

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// A replica that ends without a word has its claims taken over by who saw it live: a
// term after its last beat, when it does not count on them any more itself, and not
// another term later.
func TestClaimOfADeadReplica(t *testing.T) {
	t.Parallel()
	const term = 4 * time.Second
	bucket := newWorld(t, servertest.SMTPScript{}, 0).bucket()
	breaks := new(atomic.Uint64)
	here, there := newGuard(bucket, term, breaks.Load), newGuard(bucket, term, breaks.Load)
	die := here.live()
	t.Cleanup(there.live())
	mine := here.begin(mailOf("a"))
	takes(t, mine)
	await(t, when(func() bool {
		there.lease.mu.Lock()
		defer there.lease.mu.Unlock()
		return there.lease.seen[here.lease.self].number > 0
	}))
	die()
	died := time.Now()
	theirs := there.begin(mailOf("a"))
	for {
		_, err := theirs.take(t.Context())
		if err == nil {
			break
		}
		if !errors.Is(err, errClaimed) || time.Since(died) > time.Minute {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(died)
	if mine.good() == nil || theirs.good() != nil {
		t.Error("taken over, and still the other's")
	}
	if took > term+term/2 {
		t.Errorf("taken over %s after its end, want about %s", took, term)
	}
	t.Logf("taken over %s after its end, at a term of %s", took.Round(time.Millisecond), term)
}

// Whoever has lost the log meanwhile, or could not say that it lives, has seen nobody
// die: nobody could say so.
func TestOutageIsNobodysDeath(t *testing.T) {
	t.Parallel()
	const term = time.Second
	here, there, breaks := rivals(t, term)
	end := time.Now().Add(3 * term)
	for time.Now().Before(end) {
		if there.lease.dead(here.lease.self) || here.lease.dead(there.lease.self) {
			t.Fatal("dead, and it lives")
		}
		time.Sleep(10 * time.Millisecond)
	}
	breaks.Add(1)
	if there.lease.dead("nobody") {
		t.Error("dead, after a break")
	}
	await(t, when(func() bool { return there.lease.dead("nobody") })) // whom nobody has heard of for a term
}

// A mail of a replica that is killed in the middle of it is another's in little more
// than a term. Seen before: two to four of them.
func TestMailOfADeadReplica(t *testing.T) {
	t.Parallel()
	const term = 12 * time.Second
	w := newWorld(t, servertest.SMTPScript{}, 0)
	slow := servertest.BrokenSMTP(t, servertest.SMTPFault{At: servertest.AtRCPT, Hang: true})
	child := servertest.StartChild(t, "mailer", "NATS_URL="+w.nats.URL(), "SMTP_URL=smtp://"+slow.Addr, "TEST_ACK_WAIT="+term.String())
	granted := w.grant(anna, "anna@example.com")
	await(t, slow.Reached)
	c := w.config()
	c.AckWait = term
	w.run(c)
	time.Sleep(term / 4) // as replicas do, both live for a while
	child.Kill()
	killed := time.Now()
	w.awaitOutcomes(granted)
	took := time.Since(killed)
	if n := len(w.relay.Mails()); n != 1 || took > term+5*time.Second {
		t.Errorf("%d mails, %s after the end of the other", n, took)
	}
	t.Logf("sent %s after the other was killed, at a term of %s", took.Round(time.Millisecond), term)
}

// when is closed when something holds.
func when(holds func() bool) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if holds() {
				close(done)
				return
			}
		}
	}()
	return done
}
