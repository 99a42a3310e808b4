package mailer

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// What a mailer publishes at each step: the messages a tap waits for.
func looksIntoTheLog(subject, payload string) bool {
	return subject == "$JS.API.STREAM.MSG.GET.SOFTPHONE" && strings.Contains(payload, ".mailer.")
}

func looksForTheLicense(subject, payload string) bool {
	return subject == "$JS.API.STREAM.MSG.GET.SOFTPHONE" && strings.Contains(payload, "LicenseRevoked")
}

func claimsIt(subject, _ string) bool {
	return strings.HasPrefix(subject, "$KV.softphone-mailer.") && strings.HasSuffix(subject, ".claim")
}

func publishes(subject, _ string) bool { return strings.HasPrefix(subject, "softphone.mailer.") }
func acks(subject, _ string) bool      { return strings.HasPrefix(subject, "$JS.ACK.") }

// crashPoint is where a process ends, or sleeps.
type crashPoint struct {
	holds   func(subject, payload string) bool // of the tap; nil: none
	forward bool                               // what is held comes to the server, its answer not back
	fault   servertest.SMTPFault               // the relay hangs there; the zero value: nowhere
	mails   int                                // that arrive in the end
}

// crashPoints are all steps of the way of a mail, and how many mails arrive when the
// process is killed there and another takes over. Only between the relay's taking
// the mail and the outcome's being stored it is two.
func crashPoints() map[string]crashPoint {
	hang := func(at servertest.SMTPStage) servertest.SMTPFault { return servertest.SMTPFault{At: at, Hang: true} }
	return map[string]crashPoint{
		"01 before the look into the log":      {holds: looksIntoTheLog, mails: 1},
		"02 after it, before the license":      {holds: looksForTheLicense, mails: 1},
		"03 after that, before the claim":      {holds: claimsIt, mails: 1},
		"04 claimed, unknown to it":            {holds: claimsIt, forward: true, mails: 1},
		"05 before the relay's greeting":       {fault: hang(servertest.AtBanner), mails: 1},
		"06 in EHLO":                           {fault: hang(servertest.AtEHLO), mails: 1},
		"07 in MAIL":                           {fault: hang(servertest.AtMAIL), mails: 1},
		"08 in RCPT":                           {fault: hang(servertest.AtRCPT), mails: 1},
		"09 in DATA":                           {fault: hang(servertest.AtDATA), mails: 1},
		"10 after the dot, not taken":          {fault: hang(servertest.AtDot), mails: 1},
		"11 after the dot, taken, answer lost": {fault: servertest.SMTPFault{At: servertest.AtDot, Reply: "250", Hang: true}, mails: 2},
		"12 after the 250, before the outcome": {holds: publishes, mails: 2},
		"13 outcome stored, unknown to it":     {holds: publishes, forward: true, mails: 1},
		"14 after the outcome, before the ack": {holds: acks, mails: 1},
		"15 acknowledged, unknown to it":       {holds: acks, forward: true, mails: 1},
	}
}

// Killed at each step: exactly one outcome, and exactly as many mails as said, the
// same to the byte.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for name, point := range crashPoints() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, servertest.SMTPScript{}, 0)
			granted := w.grantAgain(anna, "anna@example.com", 2) // of a first one less is looked up
			child, reached, taken := w.child(point)
			await(t, reached)
			child.Kill()
			before := taken()
			c := w.config()
			c.AckWait = ackWait
			w.run(c)
			if outcomes := w.awaitOutcomes(granted)[granted.ID]; outcomes.EventName() != "EmailSent" {
				t.Errorf("published %+v", outcomes)
			}
			mails := w.relay.Mails()
			if got := before + len(mails); got != point.mails {
				t.Errorf("%d mails arrived, want %d", got, point.mails)
			}
			for _, mail := range mails {
				if !bytes.Equal(mail.Data, mails[0].Data) {
					t.Error("the mails are not the same")
				}
			}
			t.Logf("%d mails, 1 outcome", before+len(mails))
		})
	}
}

// child is a mailer in a process of its own that comes as far as a point; the
// channel receives when it is there, and taken counts mails it handed to a relay
// of its own.
func (w *world) child(p crashPoint) (child *servertest.Child, reached <-chan struct{}, taken func() int) {
	w.t.Helper()
	nats, smtp := w.nats.URL(), w.relay.Addr
	taken = func() int { return 0 }
	if p.holds != nil {
		tap := newTap(w.t, w.nats.URL(), p.forward, p.holds)
		w.t.Cleanup(func() { close(tap.release) })
		nats, reached = "nats://"+tap.Addr, tap.Reached
	}
	if p.fault.At != "" {
		relay := servertest.BrokenSMTP(w.t, p.fault)
		smtp, reached, taken = relay.Addr, relay.Reached, relay.Accepted
	}
	child = servertest.StartChild(w.t, "mailer", "NATS_URL="+nats, "SMTP_URL=smtp://"+smtp+"?starttls=never")
	return child, reached, taken
}

// The process sleeps (SIGSTOP) for longer than AckWait, another takes over, and it
// wakes up: one outcome, and one mail unless it slept between the relay's taking the
// mail and the outcome. It may not go on where it was.
func TestSleptAtEveryStep(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		holds func(subject, payload string) bool // of the tap
		mails int
	}{
		"before the look into the log":      {looksIntoTheLog, 1},
		"after it, before the mail":         {looksForTheLicense, 1},
		"in the claim":                      {claimsIt, 1},
		"after the 250, before the outcome": {publishes, 2},
		"after the outcome, before the ack": {acks, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, servertest.SMTPScript{}, 0)
			granted := w.grantAgain(anna, "anna@example.com", 2) // of a first one less is looked up
			tap := newTap(t, w.nats.URL(), false, c.holds)
			child := servertest.StartChild(t, "mailer", "NATS_URL=nats://"+tap.Addr, "SMTP_URL=smtp://"+w.relay.Addr)
			await(t, tap.Reached)
			child.Pause()
			w.afterSleep(child, granted, func() { close(tap.release) }, c.mails)
		})
	}
	for name, stage := range map[string]servertest.SMTPStage{"in MAIL": "MAIL", "in RCPT": "RCPT"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, servertest.SMTPScript{}, 0)
			granted := w.grantAgain(anna, "anna@example.com", 2) // of a first one less is looked up
			reached, release := make(chan struct{}), make(chan struct{})
			slow := servertest.SMTP(t, stall(stage, reached, release))
			child := servertest.StartChild(t, "mailer", "NATS_URL="+w.nats.URL(), "SMTP_URL=smtp://"+slow.Addr)
			await(t, reached)
			child.Pause()
			w.afterSleep(child, granted, func() { close(release) }, 1)
			if n := len(slow.Mails()); n != 0 {
				t.Errorf("the sleeper sent %d mails", n)
			}
		})
	}
}

// await waits for a child to come to a point.
func await(t *testing.T, reached <-chan struct{}) {
	t.Helper()
	select {
	case <-reached:
	case <-time.After(startLimit):
		t.Fatal("the mailer does not come to this point")
	}
}

// stall is a relay that does not answer a command before it is released.
func stall(at servertest.SMTPStage, reached chan<- struct{}, release <-chan struct{}) servertest.SMTPScript {
	wait := func(string) error {
		close(reached)
		<-release
		return nil
	}
	if at == servertest.AtMAIL {
		return servertest.SMTPScript{Mail: wait}
	}
	return servertest.SMTPScript{Rcpt: wait}
}

// afterSleep has another mailer take over from a child that sleeps, and wakes it.
func (w *world) afterSleep(child *servertest.Child, granted events.Recorded, release func(), mails int) {
	w.t.Helper()
	c := w.config()
	c.AckWait = ackWait
	w.run(c)
	w.awaitOutcomes(granted)
	time.Sleep(2 * ackWait) // it sleeps on: there is no signal for time that passed
	release()
	child.Resume()
	if err := child.Terminate(); err != nil { // which ends what it has in hand first
		w.t.Errorf("the sleeper ended with %v", err)
	}
	w.settled()
	if outcome := w.outcomes()[granted.ID]; outcome.EventName() != "EmailSent" {
		w.t.Errorf("published %+v", outcome)
	}
	got := 0
	for _, mail := range w.relay.Mails() {
		if mail.To[0] == "anna@example.com" {
			got++
		}
	}
	if got != mails {
		w.t.Errorf("%d mails arrived, want %d", got, mails)
	}
}
