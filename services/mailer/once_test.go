package mailer

import (
	"strconv"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// The durable is lost and every event comes again: the ledger knows them all.
func TestEverythingDeliveredAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	stop := w.run(w.config())
	before := w.awaitOutcomes(granted, reset)
	stop()
	if err := w.log.JetStream().DeleteConsumer(t.Context(), events.Stream, events.Mailer); err != nil {
		t.Fatal(err)
	}
	w.run(w.config())
	w.settled()
	if after := w.outcomes(); len(after) != len(before) || len(w.relay.Mails()) != 2 {
		t.Errorf("%d outcomes and %d mails, want 2 and 2", len(after), len(w.relay.Mails()))
	}
}

// A fact published again after the duplicate window is in the log twice; also when
// both wait at the same time there is one mail.
func TestFactAgainAfterTheWindow(t *testing.T) {
	t.Parallel()
	const window = 100 * time.Millisecond
	w := newWorld(t, servertest.SMTPScript{}, window)
	granted := w.grant(anna, "anna@example.com")
	reset := events.NewFact(anna, events.SoftphonePasswordReset{})
	twice := []events.Recorded{w.publish(reset, nil)}
	w.eventually("the window passed", func() bool {
		time.Sleep(2 * window)
		again := w.publish(reset, nil)
		return again.Sequence != twice[0].Sequence
	})
	w.run(w.config())
	w.awaitOutcomes(granted, twice[0])
	time.Sleep(2 * window)
	third := w.publish(reset, nil)
	if third.Sequence == twice[0].Sequence {
		t.Fatal("it is not in the log again")
	}
	w.settled()
	w.outcomes()
	if n := len(w.relay.Mails()); n != 2 {
		t.Errorf("%d mails, want a welcome and a notice", n)
	}
	if answer, _ := w.ask(askAnna); len(answer.Emails) != 2 {
		t.Errorf("shown: %+v", answer.Emails)
	}
}

// The server took the mail and dropped the connection.
func TestDroppedAfterAcceptance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	relay := servertest.BrokenSMTP(t, servertest.SMTPFault{At: servertest.AtDot, Reply: "250 2.0.0 queued", Drop: true})
	granted := w.grant(anna, "anna@example.com")
	c := w.config()
	c.SMTP.URL = "smtp://" + relay.Addr
	w.run(c)
	if _, sent := w.awaitOutcomes(granted)[granted.ID].Data.(events.EmailSent); !sent || relay.Accepted() != 1 {
		t.Errorf("sent %v, accepted %d times", sent, relay.Accepted())
	}
}

// The log forgets to whom it gave an event, as a NATS server does that is killed a
// moment later: another replica is given it while the mail server has not answered
// the first one.
func TestForgottenDelivery(t *testing.T) {
	t.Parallel()
	taken, release := make(chan struct{}, 2), make(chan struct{})
	w := newWorld(t, servertest.SMTPScript{Data: func(servertest.SMTPMail) error {
		taken <- struct{}{}
		<-release
		return nil
	}}, 0)
	c := w.config()
	c.AckWait = ackWait
	w.run(c)
	granted := w.grant(anna, "anna@example.com")
	await(t, taken)
	if err := w.log.JetStream().DeleteConsumer(t.Context(), events.Stream, events.Mailer); err != nil {
		t.Fatal(err)
	}
	other := w.config()
	other.AckWait = ackWait
	w.run(other)
	select {
	case <-taken:
		t.Error("the other replica sent the mail, too")
	case <-time.After(4 * ackWait):
	}
	close(release)
	w.awaitOutcomes(granted)
	if n := len(w.relay.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

// A slow relay, an AckWait that would have run out several times, two replicas.
func TestSlowRelayTwoReplicas(t *testing.T) {
	t.Parallel()
	const ackWait = time.Second // a busy machine may pause a process for longer than less
	w := newWorld(t, servertest.SMTPScript{Data: func(servertest.SMTPMail) error { time.Sleep(3 * ackWait); return nil }}, 0)
	var causes []events.Recorded
	for i := range 20 {
		x := events.Extension{Tenant: "acme", Number: strconv.Itoa(i)}
		causes = append(causes, w.grant(x, "user"+x.Number+"@example.com"))
	}
	for range 2 {
		c := w.config()
		c.AckWait = ackWait
		w.run(c)
	}
	w.awaitOutcomes(causes...)
	if n := len(w.relay.Mails()); n != len(causes) {
		t.Errorf("%d mails, want %d", n, len(causes))
	}
}
