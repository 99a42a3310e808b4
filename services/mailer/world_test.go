package mailer

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

var anna = events.Extension{Tenant: "acme", Number: "1001"}

// world is a log, a relay and what the mailer wrote into its own log.
type world struct {
	t     *testing.T
	nats  *servertest.NATSServer
	relay *servertest.SMTPServer
	log   *eventlog.Log
	lines servertest.Lines
}

func newWorld(t *testing.T, script servertest.SMTPScript, window time.Duration) *world {
	t.Helper()
	w := &world{t: t, nats: servertest.NATS(t), relay: servertest.SMTP(t, script)}
	js := w.nats.JetStream(t)
	if err := setup.Everything(t.Context(), js, eventlog.Layout{DuplicateWindow: window}); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(t.Context(), w.nats.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	w.log = log
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(w.lines.String())
		}
	})
	return w
}

// bucket of the mailers.
func (w *world) bucket() jetstream.KeyValue {
	w.t.Helper()
	bucket, err := w.log.JetStream().KeyValue(w.t.Context(), setup.MailerBucket)
	if err != nil {
		w.t.Fatal(err)
	}
	return bucket
}

// config of a mailer on the world's servers.
func (w *world) config() Config {
	w.t.Helper()
	var c Config
	if err := process.Parse(&c, []string{"NATS_URL=" + w.nats.URL(), "SMTP_URL=smtp://" + w.relay.Addr}); err != nil {
		w.t.Fatal(err)
	}
	c.Host = process.NewHost(zerolog.New(&w.lines))
	c.Retry = react.Bounds{First: 20 * time.Millisecond, Max: 100 * time.Millisecond}
	c.Recover = c.Retry
	return c
}

// run starts a mailer. It ends with stop, or with the test.
func (w *world) run(c Config) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, c) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.t.Errorf("Run returned %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// publish stores an event of the PBX core, or an outcome of a cause.
func (w *world) publish(e events.Event, cause *events.Recorded) events.Recorded {
	w.t.Helper()
	body, err := e.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	m := nats.NewMsg(e.Subject())
	m.Data = body
	m.Header.Set(events.HeaderMsgID, e.ID)
	if cause != nil {
		m.Header.Set(events.HeaderCause, strconv.FormatUint(cause.Sequence, 10))
		m.Header.Set(events.HeaderCauseID, cause.ID)
	}
	receipt, err := w.log.Publish(w.t.Context(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	return events.Recorded{Event: e, Sequence: receipt.Sequence}
}

func (w *world) fact(x events.Extension, d events.Data) events.Recorded {
	w.t.Helper()
	return w.publish(events.NewFact(x, d), nil)
}

// grant a license, as the license worker does.
func (w *world) grant(x events.Extension, email string) events.Recorded {
	w.t.Helper()
	return w.grantAgain(x, email, 1)
}

// grantAgain grants an extension's n-th license.
func (w *world) grantAgain(x events.Extension, email string, n int) events.Recorded {
	w.t.Helper()
	enabled := w.fact(x, events.SoftphoneEnabled{Email: email, Username: "anna." + x.Number, DisplayName: "Doe, Änne"})
	return w.publish(events.NewOutcome(events.License, enabled.Event, events.LicenseGranted{
		LicenseID: enabled.ID, Generation: n, DeviceLimit: 4, Email: email, Username: "anna." + x.Number, DisplayName: "Doe, Änne",
	}), &enabled)
}

func (w *world) revoke(x events.Extension, licenseID string) {
	w.t.Helper()
	disabled := w.fact(x, events.SoftphoneDisabled{})
	w.publish(events.NewOutcome(events.License, disabled.Event, events.LicenseRevoked{LicenseID: licenseID, Generation: 1}), &disabled)
}

// outcomes are those the mailer published, by the id of their cause; a second one fails the test.
func (w *world) outcomes() map[string]events.Event {
	w.t.Helper()
	ends := map[string]events.Event{}
	for cause, published := range w.published() {
		for _, event := range published {
			if !isEnd(event.Data) {
				continue
			}
			if before, twice := ends[cause]; twice {
				w.t.Fatalf("cause %s has two outcomes: %+v and %+v", cause, before, event)
			}
			ends[cause] = event
		}
	}
	return ends
}

// published is all that the mailer published, by the id of the cause, in order.
func (w *world) published() map[string][]events.Event {
	w.t.Helper()
	published := map[string][]events.Event{}
	for from := uint64(1); ; {
		m, err := w.log.NextOf(w.t.Context(), from, "log.*.mailer.>")
		if err != nil {
			w.t.Fatal(err)
		}
		if m == nil {
			return published
		}
		event, err := events.Decode(m.Subject, m.Data)
		if err != nil {
			w.t.Fatalf("outcome at %d: %v", m.Sequence, err)
		}
		cause := m.Header.Get(events.HeaderCauseID)
		if at := m.Header.Get(events.HeaderCause); at == "" || m.Header.Get(events.HeaderMsgID) != event.ID {
			w.t.Fatalf("outcome at %d: headers %v", m.Sequence, m.Header)
		}
		published[cause] = append(published[cause], event)
		from = m.Sequence + 1
	}
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	w.eventuallyIn(time.Minute, what, ok)
}

func (w *world) eventuallyIn(limit time.Duration, what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("not so: %s", what)
}

// settled waits until the mailer has nothing to do.
func (w *world) settled() {
	w.t.Helper()
	w.eventually("the mailer is done", func() bool {
		idle, err := servertest.Idle(w.t.Context(), w.log.JetStream(), events.Stream, events.Mailer)
		return idle && err == nil
	})
}

// awaitOutcomes waits for the outcomes of causes.
func (w *world) awaitOutcomes(causes ...events.Recorded) map[string]events.Event {
	w.t.Helper()
	w.eventually("outcomes", func() bool {
		outcomes := w.outcomes()
		for _, c := range causes {
			if _, ok := outcomes[c.ID]; !ok {
				return false
			}
		}
		return true
	})
	w.settled()
	return w.outcomes()
}

// ask ask.mailer.get.
func (w *world) ask(question string) (events.EmailsAnswer, nats.Header) {
	w.t.Helper()
	var reply *nats.Msg
	w.eventually("an answer", func() (ok bool) {
		var err error
		reply, err = w.log.Conn().Request("ask.mailer.get", []byte(question), 5*time.Second)
		return err == nil
	})
	var answer events.EmailsAnswer
	if len(reply.Data) > 0 {
		if err := json.Unmarshal(reply.Data, &answer); err != nil {
			w.t.Fatalf("%s: %v", reply.Data, err)
		}
	}
	return answer, reply.Header
}

const askAnna = `{"tenant":"acme","extension":"1001"}`
