package mailer

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// notifying is a configuration of a mailer whose tenant acme gets notices.
func (w *world) notifying() Config {
	w.t.Helper()
	c := w.config()
	c.Mail.Brands = w.t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Mail.Brands, "acme.yaml"), []byte("kinds: {device-limit-reached: true}\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// reach the device limit of a license, as device-counter does.
func (w *world) reach(granted events.Recorded, device string, at time.Time) events.Recorded {
	w.t.Helper()
	fact := events.NewFact(granted.Extension, events.DeviceSignedIn{DeviceID: device, Platform: "mac"})
	fact.Time = at
	signedIn := w.publish(fact, nil)
	return w.publish(events.NewOutcome(events.DeviceCounter, fact, events.DeviceActivationLimitReached{
		LicenseID: granted.Data.(events.LicenseGranted).LicenseID, DeviceID: device, Platform: "mac", Used: 1, Limit: 1,
		Devices: []events.Seat{{DeviceID: "phone", Platform: "iphone", DeviceName: "Anna's phone", ActivatedAt: at}},
	}), &signedIn)
}

// noticed waits until a mailer has looked at all device limits.
func (w *world) noticed() {
	w.t.Helper()
	w.eventually("all device limits are looked at", func() bool {
		idle, err := servertest.Idle(w.t.Context(), w.log.JetStream(), events.Stream, NoticesDurable)
		return idle && err == nil
	})
}

// Somebody tries all night, two replicas watch: one mail, one outcome, and nothing
// else in the log. The next day there is another.
func TestOneNoticeADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	other := w.grant(events.Extension{Tenant: "globex", Number: "1"}, "bob@example.com")
	now := time.Now().UTC().Truncate(time.Millisecond)
	for range 2 {
		w.run(w.notifying())
	}
	w.awaitOutcomes(granted, other)
	for i := range 300 {
		w.reach(granted, "device-"+strconv.Itoa(i), now.Add(time.Duration(i)*time.Second))
	}
	w.reach(other, "device", now)
	w.noticed()
	if n := len(w.outcomes()); n != 3 {
		t.Errorf("%d outcomes, want those of two welcomes and a notice", n)
	}
	mails := w.relay.Mails()
	if len(mails) != 3 {
		t.Fatalf("%d mails, want two welcomes and a notice", len(mails))
	}
	if text := parse(t, mails[2].Data).parts["text/plain"]; !strings.Contains(text, "Anna's phone") && !strings.Contains(text, "Anna’s phone") {
		t.Errorf("the notice does not say which devices are in:\n%s", text)
	}
	w.reach(granted, "tomorrow", now.Add(25*time.Hour))
	w.reach(granted, "tomorrow-2", now.Add(26*time.Hour))
	w.noticed()
	if n := len(w.relay.Mails()); n != 4 {
		t.Errorf("%d mails, want another notice the next day", n)
	}
	answer, _ := w.ask(askAnna)
	if len(answer.Emails) != 3 || answer.Emails[0].Kind != events.KindDeviceLimitReached || answer.Emails[0].State != StateSent || !answer.Current {
		t.Errorf("shown %+v", answer)
	}
}

// The bucket is lost, the consumer begins at the first event: the log knows what was
// published, and a notice of yesterday is of no use.
func TestNoticesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	stop := w.run(w.notifying())
	w.awaitOutcomes(granted)
	now := time.Now().UTC()
	w.awaitOutcomes(w.reach(granted, "a", now))
	w.reach(granted, "b", now.Add(time.Minute))
	w.noticed()
	stop()
	js := w.log.JetStream()
	if err := js.DeleteConsumer(t.Context(), events.Stream, NoticesDurable); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), setup.MailerBucket); err != nil {
		t.Fatal(err)
	}
	if err := setup.Everything(t.Context(), js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	w.run(w.notifying())
	w.noticed()
	if outcomes, mails := len(w.outcomes()), len(w.relay.Mails()); outcomes != 2 || mails != 2 {
		t.Errorf("%d outcomes and %d mails, want 2 and 2", outcomes, mails)
	}
}

// A notice that is put off, and whose license is gone when it would be tried again,
// has an end like any mail.
func TestNoticeIsPutOffAndRevoked(t *testing.T) {
	t.Parallel()
	var later atomic.Bool
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(string) error {
		if later.Load() {
			return servertest.SMTPAnswer(450, 4, 7, 1, "greylisted")
		}
		return nil
	}}, 0)
	granted := w.grant(anna, "anna@example.com")
	w.run(w.notifying())
	w.awaitOutcomes(granted)
	later.Store(true)
	reached := w.reach(granted, "a", time.Now())
	w.eventually("it is put off", func() bool { return len(w.published()[reached.ID]) > 0 })
	w.revoke(anna, granted.Data.(events.LicenseGranted).LicenseID)
	w.noticed()
	if outcomes, ok := w.outcomes()[reached.ID].Data.(events.EmailSkipped); !ok || outcomes.Reason != ReasonNotLicensed {
		t.Errorf("published %+v, want that it is skipped", w.published()[reached.ID])
	}
	if answer, _ := w.ask(askAnna); answer.Emails[0].State != StateSkipped {
		t.Errorf("shown %+v", answer.Emails[0])
	}
}

// So has one that was put off for longer than its day, when another has the next.
func TestNoticeIsPutOffPastItsDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	m := w.mailer(w.notifying())
	reached := w.reach(granted, "a", time.Now().Add(-26*time.Hour))
	last, err := w.log.LastOf(t.Context(), "log.*.device-counter.>")
	if err != nil {
		t.Fatal(err)
	}
	last.Time = last.Time.Add(-26 * time.Hour) // stored
	c, err := read(*last)
	if err != nil {
		t.Fatal(err)
	}
	m.note(t.Context(), c, step(1), events.EmailDeferred{
		Kind: events.KindDeviceLimitReached, LicenseID: granted.Data.(events.LicenseGranted).LicenseID, To: "anna@example.com",
		MessageID: "<m>", Reason: "later", Attempts: 1, NextAttempt: time.Now(),
	})
	if taken, err := m.notices.write(t.Context(), anna, notice{"of today", time.Now()}, 0); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if err := m.handleNotice(t.Context(), react.Delivery{Message: *last, Attempt: 1, Delivered: 2}); err != nil {
		t.Errorf("%v, want it handled", err)
	}
	if _, sent := w.outcomes()[reached.ID].Data.(events.EmailSent); !sent || len(w.relay.Mails()) != 1 {
		t.Errorf("published %+v", w.published()[reached.ID])
	}
}

func TestWhoseNotice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	bucket := w.bucket()
	now := time.Now()
	at := func(id string, ago time.Duration) cause {
		return cause{Event: events.Event{ID: id, Extension: anna, Time: now.Add(-ago)}}
	}
	here, there := &notices{bucket: bucket}, &notices{bucket: bucket}
	for i, c := range []struct {
		by        *notices
		cause     cause
		stored    time.Duration // ago
		delivered int
		want      bool
	}{
		{here, at("yesterday", 25*time.Hour), 25 * time.Hour, 1, false},
		{here, at("first", 0), 0, 1, true},
		{here, at("first", 0), 0, 2, true},
		{here, at("second", 0), 0, 1, false},
		{there, at("third", 0), 0, 1, false},
		{there, at("first", 0), 0, 2, true}, // its first owner died
		{&notices{bucket: bucket}, at("first", 0), 48 * time.Hour, 3, true},
		{&notices{bucket: bucket}, at("late", 48*time.Hour), 48 * time.Hour, 3, false},
		{there, at("tomorrow", -25*time.Hour), 0, 1, true},
		{here, at("tomorrow, too", -25*time.Hour), 0, 1, false},
	} {
		got, err := c.by.mine(t.Context(), c.cause, now.Add(-c.stored), c.delivered)
		if got != c.want || err != nil {
			t.Errorf("%d, %s: %v, %v; want %v", i, c.cause.ID, got, err, c.want)
		}
	}
}

// A notice that another replica makes between the look and the own one.
func TestNoticeRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	n := &notices{bucket: w.bucket()}
	claimed := make(chan bool)
	const replicas = 8
	for i := range replicas {
		go func() {
			taken, err := n.write(t.Context(), anna, notice{Cause: strconv.Itoa(i), At: time.Now()}, 0)
			if err != nil {
				t.Error(err)
			}
			claimed <- taken
		}()
	}
	won := 0
	for range replicas {
		if <-claimed {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d claims were taken, want 1", won)
	}
}

// No brand sends notices: nobody reads what they would be about.
func TestNoNotices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	c := w.config()
	c.Mail.Brands = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Mail.Brands, "default.yaml"), []byte("kinds: {email-changed: false}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(c)
	w.awaitOutcomes(granted)
	w.reach(granted, "device", time.Now())
	if _, err := w.log.JetStream().Consumer(t.Context(), events.Stream, NoticesDurable); err == nil {
		t.Error("there is a consumer")
	} else if want := jetstream.ErrConsumerNotFound; !strings.Contains(err.Error(), want.Error()) {
		t.Error(err)
	}
	if n := len(w.relay.Mails()); n != 1 {
		t.Errorf("%d mails, want the welcome", n)
	}
}
