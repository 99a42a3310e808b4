package mailer

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// rivals are two processes' claims in one bucket.
func rivals(t *testing.T, term time.Duration) (here, there *claims, breaks *atomic.Uint64) {
	t.Helper()
	bucket := newWorld(t, servertest.SMTPScript{}, 0).bucket()
	breaks = new(atomic.Uint64)
	here, there = newClaims(bucket, term, breaks.Load), newClaims(bucket, term, breaks.Load)
	for _, cs := range []*claims{here, there} {
		t.Cleanup(cs.live())
		for cs.replicas.lives() != nil {
			time.Sleep(time.Millisecond)
		}
	}
	return here, there, breaks
}

func mailOf(id string) cause { return cause{Event: events.Event{ID: id, Extension: anna}} }

// takes has a claim taken, and says whether there was one before.
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
	mine, theirs := here.of(mailOf("a")), there.of(mailOf("a"))
	if takes(t, mine) {
		t.Error("somebody had the first claim before")
	}
	refused(t, theirs)
	refused(t, theirs)
	takes(t, there.of(mailOf("b"))) // another mail
	mine.end()
	refused(t, theirs) // what was sent stays so
	if !takes(t, here.of(mailOf("a"))) {
		t.Error("the own claim of a try before is known")
	}
}

func TestReleasedClaim(t *testing.T) {
	t.Parallel()
	here, there, _ := rivals(t, time.Minute)
	mine, theirs := here.of(mailOf("a")), there.of(mailOf("a"))
	mine.release(t.Context()) // never taken: nothing is lost by that
	takes(t, mine)
	mine.release(t.Context())
	if takes(t, theirs) {
		t.Error("a mail that was given up was nobody's")
	}
	mine.release(t.Context()) // of a claim that is another's by now
	refused(t, here.of(mailOf("a")))
}

// A claim that nobody renews is another's after a term in which that one saw it, and
// could see it.
func TestAbandonedClaim(t *testing.T) {
	t.Parallel()
	const term = 500 * time.Millisecond
	here, there, breaks := rivals(t, term)
	mine, theirs := here.of(mailOf("a")), there.of(mailOf("a"))
	takes(t, mine)
	mine.end()
	time.Sleep(2 * term)
	refused(t, theirs) // that was the first sight
	breaks.Add(1)      // since when it was told, perhaps
	time.Sleep(term)
	refused(t, theirs)
	refused(t, theirs)
	time.Sleep(term)
	if !takes(t, theirs) || mine.good() == nil {
		t.Error("taken over, and still the other's")
	}
	refused(t, here.of(mailOf("a")))
}

// A claim is renewed while the mail is on its way, also when the answer to a renewal was lost.
func TestRenewedClaim(t *testing.T) {
	t.Parallel()
	here, _, _ := rivals(t, 300*time.Millisecond)
	mine := here.of(mailOf("a"))
	takes(t, mine)
	defer mine.end()
	renewed := func(what string) {
		t.Helper()
		_, before, err := current(t.Context(), here.bucket, mine.key)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if _, now, err := current(t.Context(), here.bucket, mine.key); err == nil && now > before {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("not renewed: %s", what)
			}
		}
	}
	renewed("at first")
	renewed("again")
	if _, err := here.bucket.Put(t.Context(), mine.key, []byte(here.process)); err != nil { // a renewal it knows nothing of
		t.Fatal(err)
	}
	renewed("after a lost answer")
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
	w.told(granted)
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
	w.told(reset)
	if told := w.tales()[reset.ID]; len(told) != 1 {
		t.Errorf("told %+v, want nothing but the end", told)
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
