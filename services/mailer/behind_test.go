package mailer

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// asking are the events that ask for a mail, by a name; before them a license was granted,
// or none.
func asking(license events.Recorded) map[string]events.Event {
	enabled := events.NewFact(anna, events.SoftphoneEnabled{Email: "anna@example.com", Username: "anna.1001", DisplayName: "Anna"})
	granted := func(generation int) events.Event {
		return events.NewOutcome(events.License, enabled, events.LicenseGranted{
			LicenseID: enabled.ID, Generation: generation, DeviceLimit: 4, Email: "anna@example.com", Username: "anna.1001", DisplayName: "Anna",
		})
	}
	limit := events.NewOutcome(events.DeviceCounter, events.NewFact(anna, events.DeviceSignedIn{DeviceID: "phone-5", Platform: "iphone"}),
		events.DeviceActivationLimitReached{DeviceID: "phone-5", Platform: "iphone", Used: 4, Limit: 4})
	if data, is := license.Data.(events.LicenseGranted); is {
		reached := limit.Data.(events.DeviceActivationLimitReached)
		reached.LicenseID = data.LicenseID
		limit.Data = reached
	}
	return map[string]events.Event{
		"a first license":  granted(1),
		"a later license":  granted(2),
		"send again":       events.NewFact(anna, events.WelcomeEmailRequested{}),
		"a new password":   events.NewFact(anna, events.SoftphonePasswordReset{}),
		"the device limit": limit,
	}
}

// An event that the log's leader does not have yet, for it was delivered by a server
// that was ahead of it: nothing is decided from what held before. It comes again, and
// then has its mail.
func TestEventBeyondTheEndOfTheLog(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a first license", "a later license", "send again", "a new password", "the device limit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, servertest.SMTPScript{}, 0)
			var license events.Recorded
			if name != "a first license" {
				license = w.grant(anna, "anna@example.com")
			}
			m := w.mailer(w.notifying())
			state, err := w.log.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			event := asking(license)[name]
			early := w.delivery(event, state.Last+1)
			handle := m.handle
			if name == "the device limit" {
				handle = m.handleNotice
			}
			if err := handle(t.Context(), early); !errors.Is(err, eventlog.ErrBehind) {
				t.Errorf("%v, want %v", err, eventlog.ErrBehind)
			}
			if outcomes := w.outcomes(); len(outcomes) != 0 || len(w.relay.Mails()) != 0 {
				t.Fatalf("published %+v, %d mails", outcomes, len(w.relay.Mails()))
			}
			if stored := w.publish(event, nil); stored.Sequence != early.Sequence {
				t.Fatalf("stored at %d, want %d", stored.Sequence, early.Sequence)
			}
			if err := handle(t.Context(), early); err != nil {
				t.Error(err)
			}
			if _, sent := w.outcomes()[event.ID].Data.(events.EmailSent); !sent || len(w.relay.Mails()) != 1 {
				t.Errorf("published %+v, %d mails", w.outcomes(), len(w.relay.Mails()))
			}
		})
	}
}

// A license is granted between the look at what holds and the outcome: the log refuses
// the outcome, which would have been final, and the next look decides.
func TestSkipIsOfWhatHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	m := w.mailer(w.config())
	first := w.grant(anna, "anna@example.com")
	w.revoke(anna, first.ID)
	request := w.fact(anna, events.WelcomeEmailRequested{})
	d := w.delivery(request.Event, request.Sequence)
	c, err := read(d.Message)
	if err != nil {
		t.Fatal(err)
	}
	before, now, err := m.look(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	w.grantAgain(anna, "anna@example.com", 2)
	if err := m.act(t.Context(), d, c, nil, before, now); !errors.Is(err, eventlog.ErrBehind) {
		t.Errorf("%v, want %v", err, eventlog.ErrBehind)
	}
	if outcomes := w.outcomes(); len(outcomes) != 0 {
		t.Errorf("published %+v", outcomes)
	}
	if err := m.handle(t.Context(), d); err != nil {
		t.Error(err)
	}
	if outcome := w.outcomes()[request.ID]; outcome.EventName() != "EmailSent" {
		t.Errorf("published %+v", outcome)
	}
}

// mailer of the world that nothing is delivered to.
func (w *world) mailer(c Config) *mailer {
	w.t.Helper()
	m, err := newMailer(w.t.Context(), c, w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(m.client.Close)
	w.t.Cleanup(m.guard.live())
	return m
}

// delivery of an event as stored at a sequence.
func (w *world) delivery(e events.Event, sequence uint64) react.Delivery {
	w.t.Helper()
	body, err := e.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	partition := events.PartitionOf(e.Extension.Tenant)
	return react.Delivery{Attempt: 1, Delivered: 1, Message: eventlog.Message{
		Subject:  events.LogSubject(partition, e.Source, e.Extension.Tenant, e.Extension.Number, e.EventName()),
		Sequence: sequence, Time: time.Now(), Header: nats.Header{events.HeaderMsgID: {e.ID}}, Data: body,
	}}
}
