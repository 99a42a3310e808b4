package mailer

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// rivals are two processes' guards with one bucket.
func rivals(t *testing.T, term time.Duration) (here, there *guard, breaks *atomic.Uint64) {
	t.Helper()
	bucket := newWorld(t, servertest.SMTPScript{}, 0).bucket()
	breaks = new(atomic.Uint64)
	here, there = newGuard(bucket, term, breaks.Load), newGuard(bucket, term, breaks.Load)
	for _, g := range []*guard{here, there} {
		t.Cleanup(g.live())
		for !g.lease.holds(1) {
			time.Sleep(time.Millisecond)
		}
	}
	return here, there, breaks
}

func mailOf(id string) cause { return cause{Event: events.Event{ID: id, Extension: anna}} }

// takes has a mail claimed, and says whether somebody had claimed it before.
func takes(t *testing.T, c *claim) (before bool) {
	t.Helper()
	before, err := c.take(t.Context())
	if err != nil || c.good() != nil {
		t.Fatalf("%v, good %v", err, c.good())
	}
	return before
}

func refused(t *testing.T, c *claim) {
	t.Helper()
	if before, err := c.take(t.Context()); !errors.Is(err, errClaimed) || !before || c.good() == nil {
		t.Fatalf("%v, %v, good %v; want %v", before, err, c.good(), errClaimed)
	}
}

func TestClaimIsOfOne(t *testing.T) {
	t.Parallel()
	here, there, _ := rivals(t, time.Minute)
	mine, theirs := here.begin(mailOf("a")), there.begin(mailOf("a"))
	if takes(t, mine) {
		t.Error("somebody had the first claim before")
	}
	refused(t, theirs)
	refused(t, theirs)
	takes(t, there.begin(mailOf("b"))) // another mail
	if here.begin(mailOf("a")) != nil {
		t.Error("two goroutines of a process have the mail")
	}
	mine.keep = true
	mine.end(t.Context())
	refused(t, theirs) // what was sent stays so
	if !takes(t, here.begin(mailOf("a"))) {
		t.Error("the own claim of a try before is known")
	}
}

func TestReleasedClaim(t *testing.T) {
	t.Parallel()
	here, there, _ := rivals(t, time.Minute)
	here.begin(mailOf("a")).end(t.Context()) // never taken: nothing is lost by that
	mine, theirs := here.begin(mailOf("a")), there.begin(mailOf("a"))
	takes(t, mine)
	mine.end(t.Context())
	if takes(t, theirs) {
		t.Error("a mail that was given up was nobody's")
	}
	mine.end(t.Context()) // of a claim that is another's by now
	refused(t, here.begin(mailOf("a")))
}

// A claim of a process that does not renew its lease is another's after a term in which that one looked, and could.
func TestAbandonedClaim(t *testing.T) {
	t.Parallel()
	const term = 500 * time.Millisecond
	bucket := newWorld(t, servertest.SMTPScript{}, 0).bucket()
	breaks := new(atomic.Uint64)
	here, there := newGuard(bucket, term, breaks.Load), newGuard(bucket, term, breaks.Load)
	die := here.live()
	mine, theirs := here.begin(mailOf("a")), there.begin(mailOf("a"))
	takes(t, mine)
	die()
	time.Sleep(2 * term)
	t.Cleanup(there.live())
	refused(t, theirs) // that was the first look
	time.Sleep(term / 2)
	breaks.Add(1) // since when it could not renew it, perhaps
	time.Sleep(term * 3 / 4)
	refused(t, theirs)
	if time.Sleep(term); !takes(t, theirs) || mine.good() == nil {
		t.Error("taken over, and still the other's")
	}
	t.Cleanup(here.live()) // it is back, and its claim is not
	if !here.lease.holds(2) || mine.good() == nil {
		t.Error("a claim of a lease that ended is good again")
	}
	mine.end(t.Context())
	refused(t, here.begin(mailOf("a")))
}

// A claim is good for as long as the mail is on its way, and its process lives.
func TestRenewedClaim(t *testing.T) {
	t.Parallel()
	const term = 300 * time.Millisecond
	here, there, _ := rivals(t, term)
	mine := here.begin(mailOf("a"))
	takes(t, mine)
	for end := time.Now().Add(4 * term); time.Now().Before(end); time.Sleep(term / 10) {
		if mine.good() != nil {
			t.Fatal("not renewed")
		}
		theirs := there.begin(mailOf("a"))
		refused(t, theirs)
		theirs.end(t.Context())
	}
}

// deaf does what it is asked to, and the answer is lost.
type deaf struct {
	jetstream.KeyValue

	lost atomic.Bool
}

func (d *deaf) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	revision, err := d.KeyValue.Create(ctx, key, value, opts...)
	if d.lost.Load() {
		return 0, nats.ErrTimeout
	}
	return revision, err
}

func (d *deaf) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	if d.lost.Load() {
		return nil, nats.ErrTimeout
	}
	return d.KeyValue.Get(ctx, key)
}

// A claim whose answer was lost is released once the bucket answers again, though its process lives.
func TestLostAnswerToAClaim(t *testing.T) {
	t.Parallel()
	here, there, _ := rivals(t, time.Second)
	bucket := &deaf{KeyValue: here.bucket}
	unsure := newGuard(bucket, time.Second, func() uint64 { return 0 })
	t.Cleanup(unsure.live())
	bucket.lost.Store(true)
	mine, theirs := unsure.begin(mailOf("a")), there.begin(mailOf("a"))
	if _, err := mine.take(t.Context()); !errors.Is(err, errUnclaimed) || mine.good() == nil {
		t.Fatal(err)
	}
	mine.end(t.Context())
	refused(t, theirs)
	bucket.lost.Store(false)
	await(t, when(func() bool { _, err := theirs.take(t.Context()); return err == nil }))
	if before := takes(t, theirs); !before {
		t.Error("the mail was never claimed")
	}
}

// A process that has just begun, or has just come back, is not taken for dead by one that did not look since.
func TestClaimOfANewReplica(t *testing.T) {
	t.Parallel()
	const term = 2 * time.Second
	_, there, _ := rivals(t, term)
	await(t, when(func() bool { return there.lease.dead("nobody") })) // it has looked for a term
	for i := range 20 {
		here := newGuard(there.bucket, term, func() uint64 { return 0 })
		stop := here.live()
		mine := here.begin(mailOf(strconv.Itoa(i)))
		takes(t, mine)
		refused(t, there.begin(mailOf(strconv.Itoa(i))))
		if mine.good() != nil {
			t.Fatal("no more good")
		}
		stop()
	}
}

// A claim that can be stored nowhere is no mail's fault: all wait, readiness says why,
// and then they are sent.
func TestNothingCanBeClaimed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	js := w.log.JetStream()
	c := w.config()
	w.run(c)
	granted := w.grant(anna, "anna@example.com")
	w.awaitOutcomes(granted)
	if err := js.DeleteKeyValue(t.Context(), setup.MailerBucket); err != nil {
		t.Fatal(err)
	}
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	w.eventually("readiness says why", func() bool {
		return strings.Contains(c.Host.Health.Report().Parts[events.Mailer].Reason, errUnclaimed.Error())
	})
	if n := len(w.relay.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
	if err := setup.Everything(t.Context(), js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	w.awaitOutcomes(reset)
	if outcomes := w.published()[reset.ID]; len(outcomes) != 1 {
		t.Errorf("published %+v, want nothing but the end", outcomes)
	}
}

// A mailer does not start without its bucket: it says what to do.
func TestNoBucket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	if err := w.log.JetStream().DeleteKeyValue(t.Context(), setup.MailerBucket); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), w.config()); err == nil || !strings.Contains(err.Error(), "softphonectl setup") {
		t.Error(err)
	}
}
