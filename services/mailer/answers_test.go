package mailer

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// A temporary answer is tried again with the same bytes, a final one is published.
func TestAnswersOfTheRelay(t *testing.T) {
	t.Parallel()
	var tries atomic.Int64
	var bodies [3][]byte
	w := newWorld(t, servertest.SMTPScript{
		Rcpt: func(to string) error {
			if to == "gone@example.com" {
				return servertest.SMTPAnswer(550, 5, 1, 1, "<GONE@example.com>: "+strings.Repeat("no such user ", 20))
			}
			return nil
		},
		Data: func(m servertest.SMTPMail) error {
			n := tries.Add(1)
			bodies[n-1] = m.Data
			if n < 3 {
				return servertest.SMTPAnswer(451, 4, 7, 1, "grey-listed")
			}
			return nil
		},
	}, 0)
	gone := w.grant(events.Extension{Tenant: "acme", Number: "1"}, "gone@example.com")
	grey := w.grant(events.Extension{Tenant: "acme", Number: "2"}, "grey@example.com")
	w.run(w.config())
	outcomes := w.awaitOutcomes(gone, grey)
	failed, ok := outcomes[gone.ID].Data.(events.EmailFailed)
	if !ok || failed.SMTPCode != 550 || !strings.HasPrefix(failed.Reason, "RCPT: 550 5.1.1 <G***@example.com>: no such user") ||
		len([]rune(failed.Reason)) != 128 || failed.To != "gone@example.com" {
		t.Errorf("%+v", outcomes[gone.ID].Data)
	}
	if failed.EnhancedCode != "5.1.1" {
		t.Errorf("enhanced code %q", failed.EnhancedCode)
	}
	if _, ok := outcomes[grey.ID].Data.(events.EmailSent); !ok || tries.Load() != 3 {
		t.Errorf("%+v after %d tries, want sent after 3", outcomes[grey.ID].Data, tries.Load())
	}
	if !bytes.Equal(bodies[0], bodies[1]) || !bytes.Equal(bodies[1], bodies[2]) {
		t.Error("the tries sent different mails")
	}
	if text := w.lines.String(); strings.Contains(strings.ToLower(text), "gone@example.com") || strings.Contains(text, "grey@example.com") {
		t.Errorf("a log line shows an address:\n%s", text)
	}
	if letters, err := w.log.JetStream().Stream(t.Context(), events.DeadStream); err != nil || letters.CachedInfo().State.Msgs != 0 {
		t.Errorf("a refusal of the relay is no dead letter: %v", err)
	}
}

// The tries 1, 2, 4, 8 … of a mail are in the log, and the latest is shown; a
// process that starts anew goes on counting.
func TestTriesAreTold(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	full.Store(true)
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(to string) error {
		if full.Load() {
			return servertest.SMTPAnswer(452, 4, 2, 2, "<"+to+"> mailbox full")
		}
		return nil
	}}, 0)
	granted := w.grant(anna, "anna@example.com")
	stop := w.run(w.config())
	tries := func() (n []int) {
		for _, e := range w.published()[granted.ID] {
			n = append(n, e.Data.(events.EmailDeferred).Attempts)
		}
		return n
	}
	w.eventually("four attempts are published", func() bool { return len(tries()) == 3 })
	stop()
	w.run(w.config())
	w.eventually("sixteen attempts are published", func() bool { return len(tries()) == 5 })
	if got, want := tries(), []int{1, 2, 4, 8, 16}; !slices.Equal(got, want) {
		t.Errorf("published the attempts %v, want %v", got, want)
	}
	first := w.published()[granted.ID][0].Data.(events.EmailDeferred)
	if first.Reason != "RCPT: 452 4.2.2 <a***@example.com> mailbox full" || first.SMTPCode != 452 || first.EnhancedCode != "4.2.2" ||
		first.To != "anna@example.com" || first.MessageID != "<"+granted.ID+".acme.1001@softphone.example>" {
		t.Errorf("%+v", first)
	}
	var shown events.Email
	w.eventually("a try between is shown", func() bool {
		answer, _ := w.ask(askAnna)
		shown = answer.Emails[0]
		return shown.Attempts > 16
	})
	if shown.State != StateRetrying || shown.NextAttempt == nil || shown.Since.IsZero() || shown.SMTPCode != 452 || !strings.Contains(shown.Advice, "full") {
		t.Errorf("shown %+v", shown)
	}
	full.Store(false)
	w.awaitOutcomes(granted)
	if answer, _ := w.ask(askAnna); answer.Emails[0].State != StateSent || answer.Emails[0].NextAttempt != nil {
		t.Errorf("shown %+v", answer.Emails[0])
	}
	w.eventually("no try is kept", func() bool {
		keys, err := w.bucket().Keys(t.Context())
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == probeKey || key == leaseKey })
		return err == nil && slices.Equal(keys, []string{"acme.1001." + granted.ID + ".claim"})
	})
}

// A recipient that failed for good is not tried again by itself, until the address
// changes or somebody asks for it.
func TestRecipientFailed(t *testing.T) {
	t.Parallel()
	var unknown atomic.Bool
	unknown.Store(true)
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(string) error {
		if unknown.Load() {
			return servertest.SMTPAnswer(550, 5, 1, 1, "no such user")
		}
		return nil
	}}, 0)
	w.run(w.config())
	granted := w.grant(anna, "anna@example.com")
	w.awaitOutcomes(granted)
	unknown.Store(false)
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	if skipped, is := w.awaitOutcomes(reset)[reset.ID].Data.(events.EmailSkipped); !is || skipped.Reason != ReasonRecipientFailed || skipped.To != "anna@example.com" {
		t.Errorf("after a failure: %+v", skipped)
	}
	answer, _ := w.ask(askAnna)
	if answer.Emails[0].State != StateSkipped || answer.Emails[0].Advice != adviceRecipient || !strings.Contains(answer.Emails[1].Advice, "no such mailbox") {
		t.Errorf("shown %+v", answer.Emails)
	}
	requested := w.fact(anna, events.WelcomeEmailRequested{})
	if outcomes := w.awaitOutcomes(requested)[requested.ID]; outcomes.EventName() != "EmailSent" {
		t.Errorf("on request: %+v", outcomes)
	}
	again := w.fact(anna, events.SoftphonePasswordReset{})
	if outcomes := w.awaitOutcomes(again)[again.ID]; outcomes.EventName() != "EmailSent" {
		t.Errorf("after one was taken: %+v", outcomes)
	}
	unknown.Store(true)
	again = w.fact(anna, events.SoftphonePasswordReset{})
	w.awaitOutcomes(again)
	unknown.Store(false)
	moved := w.grant(anna, "anna@example.org")
	if outcomes := w.awaitOutcomes(moved)[moved.ID]; outcomes.EventName() != "EmailSent" {
		t.Errorf("to another address: %+v", outcomes)
	}
}

func TestGivenUpAfterTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(string) error { return servertest.SMTPAnswer(450, 4, 2, 2, "mailbox full") }}, 0)
	granted := w.grant(anna, "anna@example.com")
	c := w.config()
	c.Deadline, c.MinAttempts = time.Millisecond, 3
	w.run(c)
	failed, ok := w.awaitOutcomes(granted)[granted.ID].Data.(events.EmailFailed)
	if !ok || failed.SMTPCode != 450 || failed.Reason != "RCPT: 450 4.2.2 mailbox full" {
		t.Errorf("%+v", failed)
	}
	answer, _ := w.ask(askAnna)
	if len(answer.Emails) != 1 || answer.Emails[0].State != StateFailed || answer.Emails[0].Reason != failed.Reason {
		t.Errorf("%+v", answer)
	}
}

// A mailbox that is full is "persistent transient" (RFC 3463, X.2.2): also a 552 is tried
// again, for as long as any mail, and blocks nobody.
func TestFullMailboxIsTriedAgain(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(string) error {
		if tries.Add(1) <= 3 {
			return servertest.SMTPAnswer(552, 5, 2, 2, "mailbox is over its quota")
		}
		return nil
	}}, 0)
	w.run(w.config())
	granted := w.grant(anna, "anna@example.com")
	if _, sent := w.awaitOutcomes(granted)[granted.ID].Data.(events.EmailSent); !sent || tries.Load() != 4 {
		t.Errorf("%+v after %d tries", w.outcomes()[granted.ID], tries.Load())
	}
	deferred, is := w.published()[granted.ID][0].Data.(events.EmailDeferred)
	if !is || deferred.SMTPCode != 552 || deferred.EnhancedCode != "5.2.2" {
		t.Errorf("the first try: %+v", deferred)
	}
}
