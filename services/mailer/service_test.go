package mailer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
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
	lines lines
}

// lines collects log lines.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func newWorld(t *testing.T, script servertest.SMTPScript, window time.Duration) *world {
	t.Helper()
	w := &world{t: t, nats: servertest.NATS(t), relay: servertest.SMTP(t, script)}
	js := w.nats.JetStream(t)
	if err := setup.Everything(t.Context(), js, setup.Layout{Layout: eventlog.Layout{DuplicateWindow: window}}); err != nil {
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
	enabled := w.fact(x, events.SoftphoneEnabled{Email: email, Username: "anna." + x.Number, DisplayName: "Doe, Änne"})
	return w.publish(events.NewOutcome(events.License, enabled.Event, events.LicenseGranted{
		LicenseID: enabled.ID, Generation: 1, DeviceLimit: 4, Email: email, Username: "anna." + x.Number, DisplayName: "Doe, Änne",
	}), &enabled)
}

func (w *world) revoke(x events.Extension, licenseID string) {
	w.t.Helper()
	disabled := w.fact(x, events.SoftphoneDisabled{})
	w.publish(events.NewOutcome(events.License, disabled.Event, events.LicenseRevoked{LicenseID: licenseID, Generation: 1}), &disabled)
}

// outcomes the mailer told, by the id of their cause; one told twice fails the test.
func (w *world) outcomes() map[string]events.Event {
	w.t.Helper()
	told := map[string]events.Event{}
	for from := uint64(1); ; {
		m, err := w.log.NextOf(w.t.Context(), from, "log.*.mailer.>")
		if err != nil {
			w.t.Fatal(err)
		}
		if m == nil {
			return told
		}
		event, err := events.Decode(m.Subject, m.Data)
		if err != nil {
			w.t.Fatalf("outcome at %d: %v", m.Sequence, err)
		}
		cause := m.Header.Get(events.HeaderCauseID)
		if before, twice := told[cause]; twice {
			w.t.Fatalf("cause %s has two outcomes: %+v and %+v", cause, before, event)
		}
		if at := m.Header.Get(events.HeaderCause); at == "" || m.Header.Get(events.HeaderMsgID) != event.ID {
			w.t.Fatalf("outcome at %d: headers %v", m.Sequence, m.Header)
		}
		told[cause] = event
		from = m.Sequence + 1
	}
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
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
		c, err := w.log.JetStream().Consumer(w.t.Context(), events.Stream, events.Mailer)
		if err != nil {
			return false
		}
		return c.CachedInfo().NumPending == 0 && c.CachedInfo().NumAckPending == 0
	})
}

// told waits for the outcomes of causes.
func (w *world) told(causes ...events.Recorded) map[string]events.Event {
	w.t.Helper()
	w.eventually("outcomes", func() bool {
		told := w.outcomes()
		for _, c := range causes {
			if _, ok := told[c.ID]; !ok {
				return false
			}
		}
		return true
	})
	w.settled()
	return w.outcomes()
}

// ask ask.mailer.get.
func (w *world) ask(question string) (Answer, nats.Header) {
	w.t.Helper()
	var reply *nats.Msg
	w.eventually("an answer", func() (ok bool) {
		var err error
		reply, err = w.log.Conn().Request("ask.mailer.get", []byte(question), 5*time.Second)
		return err == nil
	})
	var answer Answer
	if len(reply.Data) > 0 {
		if err := json.Unmarshal(reply.Data, &answer); err != nil {
			w.t.Fatalf("%s: %v", reply.Data, err)
		}
	}
	return answer, reply.Header
}

const askAnna = `{"tenant":"acme","extension":"1001"}`

func TestRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.run(w.config())

	early := w.fact(anna, events.SoftphonePasswordReset{})
	w.told(early)
	granted := w.grant(anna, "anna@example.com")
	w.told(granted)
	again := w.fact(anna, events.WelcomeEmailRequested{})
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	w.told(again, reset)
	w.revoke(anna, granted.Data.(events.LicenseGranted).LicenseID)
	late := w.fact(anna, events.WelcomeEmailRequested{})
	told := w.told(late)

	if len(told) != 5 {
		t.Fatalf("%d outcomes, want 5", len(told))
	}
	license := granted.Data.(events.LicenseGranted).LicenseID
	id := func(c events.Recorded) string { return "<" + c.ID + "@softphone.example>" }
	for cause, want := range map[string]events.Data{
		early.ID:   events.EmailSkipped{Kind: "password-changed", Reason: "not_licensed"},
		granted.ID: events.EmailSent{Kind: "welcome", LicenseID: license, To: "anna@example.com", MessageID: id(granted), SMTPCode: 250},
		again.ID:   events.EmailSent{Kind: "welcome", LicenseID: license, To: "anna@example.com", MessageID: id(again), SMTPCode: 250},
		reset.ID:   events.EmailSent{Kind: "password-changed", LicenseID: license, To: "anna@example.com", MessageID: id(reset), SMTPCode: 250},
		late.ID:    events.EmailSkipped{Kind: "welcome", LicenseID: license, To: "anna@example.com", Reason: "not_licensed"},
	} {
		if told[cause].Data != want {
			t.Errorf("cause %s: %+v, want %+v", cause, told[cause].Data, want)
		}
	}
	mails := w.relay.Mails()
	if len(mails) != 3 {
		t.Fatalf("%d mails, want 3", len(mails))
	}
	for _, m := range mails {
		p := parse(t, m.Data)
		if to := p.address(t, "To"); to.Address != "anna@example.com" || to.Name != "Doe Änne" {
			t.Errorf("to %v", to)
		}
	}

	answer, _ := w.ask(askAnna)
	var states []string
	for _, e := range answer.Emails {
		states = append(states, e.Kind+" "+e.State)
	}
	want := "[welcome skipped password-changed sent welcome sent welcome sent password-changed skipped]"
	if got := fmt.Sprint(states); got != want || !answer.Current {
		t.Errorf("answer %s (current %v), want %s", got, answer.Current, want)
	}
}

// While the event waited the license was replaced: only the new one gets a welcome.
func TestReplacedLicense(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	first := w.grant(anna, "old@example.com")
	w.revoke(anna, first.Data.(events.LicenseGranted).LicenseID)
	second := w.grant(anna, "new@example.com")
	w.run(w.config())
	told := w.told(first, second)
	if skipped, ok := told[first.ID].Data.(events.EmailSkipped); !ok || skipped.Reason != ReasonNotCurrent {
		t.Errorf("first: %+v", told[first.ID].Data)
	}
	mails := w.relay.Mails()
	if len(mails) != 1 || mails[0].To[0] != "new@example.com" {
		t.Errorf("mails %+v", mails)
	}
}

// The far side goes away and comes back: everything is sent, once.
func TestRelayAwayAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.relay.Stop()
	c := w.config()
	w.run(c)
	var causes []events.Recorded
	for i := range 40 {
		x := events.Extension{Tenant: "acme", Number: strconv.Itoa(2000 + i)}
		causes = append(causes, w.grant(x, "user"+x.Number+"@example.com"))
	}
	w.eventually("readiness tells", func() bool {
		part := c.Host.Health.Report().Parts[events.Mailer]
		return part.Status == "not ready" && strings.Contains(part.Reason, "refused")
	})
	var retrying Answer
	w.eventually("a retry is shown", func() bool {
		for _, cause := range causes {
			retrying, _ = w.ask(`{"tenant":"acme","extension":"` + cause.Extension.Number + `"}`)
			if len(retrying.Emails) == 1 && retrying.Emails[0].State == StateRetrying {
				return true
			}
		}
		return false
	})
	if e := retrying.Emails[0]; e.Attempts < 1 || e.NextAttempt == nil || !strings.HasPrefix(e.Reason, "connect:") || !strings.HasSuffix(e.To, "@example.com") || e.MessageID == "" {
		t.Errorf("shown %+v", e)
	}
	w.relay.Start()
	told := w.told(causes...)
	if len(w.relay.Mails()) != len(causes) {
		t.Errorf("%d mails, want %d", len(w.relay.Mails()), len(causes))
	}
	for _, cause := range causes {
		if _, sent := told[cause.ID].Data.(events.EmailSent); !sent {
			t.Errorf("%+v", told[cause.ID].Data)
		}
	}
	w.eventually("readiness is back", func() bool { return c.Host.Health.Report().Status == "ok" })
	w.eventually("no retry is kept", func() bool {
		bucket, err := w.log.JetStream().KeyValue(t.Context(), setup.MailerBucket)
		if err != nil {
			t.Fatal(err)
		}
		_, err = bucket.Keys(t.Context())
		return errors.Is(err, jetstream.ErrNoKeysFound)
	})
}

// A temporary answer is tried again with the same bytes, a final one is told.
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
	told := w.told(gone, grey)
	failed, ok := told[gone.ID].Data.(events.EmailFailed)
	if !ok || failed.SMTPCode != 550 || !strings.HasPrefix(failed.Reason, "RCPT: 550 5.1.1 <g***@example.com>: no such user") ||
		len([]rune(failed.Reason)) != 128 || failed.To != "gone@example.com" {
		t.Errorf("%+v", told[gone.ID].Data)
	}
	if _, ok := told[grey.ID].Data.(events.EmailSent); !ok || tries.Load() != 3 {
		t.Errorf("%+v after %d tries, want sent after 3", told[grey.ID].Data, tries.Load())
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

func TestGivenUpAfterTheDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(string) error { return servertest.SMTPAnswer(450, 4, 2, 2, "mailbox full") }}, 0)
	granted := w.grant(anna, "anna@example.com")
	c := w.config()
	c.Deadline, c.MinAttempts = time.Millisecond, 3
	w.run(c)
	failed, ok := w.told(granted)[granted.ID].Data.(events.EmailFailed)
	if !ok || failed.SMTPCode != 450 || failed.Reason != "RCPT: 450 4.2.2 mailbox full" {
		t.Errorf("%+v", failed)
	}
	answer, _ := w.ask(askAnna)
	if len(answer.Emails) != 1 || answer.Emails[0].State != StateFailed || answer.Emails[0].Reason != failed.Reason {
		t.Errorf("%+v", answer)
	}
}

// The durable is lost and every event comes again: the ledger knows them all.
func TestEverythingDeliveredAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	stop := w.run(w.config())
	before := w.told(granted, reset)
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
	w.told(granted, twice[0])
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

// From the relay's 250 on only the outcome is tried again.
func TestLogAwayAfterTheMail(t *testing.T) {
	t.Parallel()
	var w *world
	stopped := make(chan struct{})
	w = newWorld(t, servertest.SMTPScript{Data: func(servertest.SMTPMail) error {
		w.nats.Stop() // between DATA and 250
		close(stopped)
		return nil
	}}, 0)
	granted := w.grant(anna, "anna@example.com")
	c := w.config()
	c.AckWait = 2 * time.Second
	w.run(c)
	<-stopped
	w.eventually("the outcome fails", func() bool { return strings.Contains(w.lines.String(), "not stored yet") })
	w.nats.Start()
	w.eventually("the log answers", func() bool { _, err := w.log.State(t.Context()); return err == nil })
	w.told(granted)
	if n := len(w.relay.Mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
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
	if _, sent := w.told(granted)[granted.ID].Data.(events.EmailSent); !sent || relay.Accepted() != 1 {
		t.Errorf("sent %v, accepted %d times", sent, relay.Accepted())
	}
}

// A slow relay, an AckWait that would have run out several times, two replicas.
func TestSlowRelayTwoReplicas(t *testing.T) {
	t.Parallel()
	const ackWait = 300 * time.Millisecond
	w := newWorld(t, servertest.SMTPScript{Data: func(servertest.SMTPMail) error { time.Sleep(4 * ackWait); return nil }}, 0)
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
	w.told(causes...)
	if n := len(w.relay.Mails()); n != len(causes) {
		t.Errorf("%d mails, want %d", n, len(causes))
	}
}

func TestPasswordsOfOthersAreNotCopied(t *testing.T) {
	t.Parallel()
	const secret = "correct horse battery"
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.run(w.config())
	granted := w.grant(anna, "anna@example.com")
	w.told(granted)
	// Facts with fields the contract does not have, as another system might write them.
	for _, name := range []string{"WelcomeEmailRequested", "SoftphonePasswordReset"} {
		var e events.Event
		if name == "WelcomeEmailRequested" {
			e = events.NewFact(anna, events.WelcomeEmailRequested{})
		} else {
			e = events.NewFact(anna, events.SoftphonePasswordReset{})
		}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Replace(body, []byte(`"data":{`), []byte(`"data":{"password":"`+secret+`"`), 1)
		if bytes.Equal(bad, body) {
			t.Fatalf("no data in %s", body)
		}
		m := nats.NewMsg(e.Subject())
		m.Data = bad
		receipt, err := w.log.Publish(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		w.told(events.Recorded{Event: e, Sequence: receipt.Sequence})
	}
	if n := len(w.relay.Mails()); n != 3 {
		t.Errorf("%d mails, want 3", n)
	}
	for _, m := range w.relay.Mails() {
		for kind, body := range parse(t, m.Data).parts {
			if strings.Contains(body, secret) {
				t.Errorf("a password is in a mail's %s", kind)
			}
		}
	}
	for _, outcome := range w.outcomes() {
		if body, err := outcome.Encode(); err != nil || bytes.Contains(body, []byte(secret)) {
			t.Errorf("a password is in an outcome, or: %v", err)
		}
	}
	if strings.Contains(w.lines.String(), secret) {
		t.Error("a password is in a log line")
	}
}

func TestUnreadableEventIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	m := nats.NewMsg("softphone.pbx.acme.1001.SoftphonePasswordReset")
	m.Data = []byte(`{"specversion":"1.0"}`)
	if _, err := w.log.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.run(w.config())
	granted := w.grant(anna, "anna@example.com")
	w.told(granted) // it stops nothing
	dead, err := w.log.JetStream().Stream(t.Context(), events.DeadStream)
	if err != nil || dead.CachedInfo().State.Msgs != 1 {
		t.Fatalf("dead letters: %v", err)
	}
	letter, err := dead.GetMsg(t.Context(), 1)
	if err != nil || !strings.HasPrefix(letter.Subject, "dead.mailer.") || letter.Header.Get(eventlog.HeaderDeadReason) == "" {
		t.Errorf("%+v, %v", letter, err)
	}
}

func TestAsking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	w.run(w.config())
	for question, field := range map[string]string{
		`{"tenant":"acme"}`: "extension", `{"tenant":"A","extension":"1"}`: "tenant", `?`: "JSON",
	} {
		_, header := w.ask(question)
		if header.Get(micro.ErrorCodeHeader) != "400" || !strings.Contains(header.Get(micro.ErrorHeader), field) {
			t.Errorf("%s: %v, want 400 and %s", question, header, field)
		}
	}
	if answer, _ := w.ask(askAnna); !answer.Current || answer.Emails == nil || len(answer.Emails) != 0 {
		t.Errorf("nothing known: %+v", answer)
	}
	w.grant(anna, "anna@example.com")
	var last events.Recorded
	for range maxEmails + 5 {
		last = w.fact(anna, events.WelcomeEmailRequested{})
	}
	w.told(last)
	answer, _ := w.ask(askAnna)
	if len(answer.Emails) != maxEmails || answer.Emails[0].MessageID != "<"+last.ID+"@softphone.example>" {
		t.Errorf("%d mails, newest %+v", len(answer.Emails), answer.Emails[0])
	}
}

func TestStartNeedsTheLog(t *testing.T) {
	t.Parallel()
	w := &world{t: t, nats: servertest.NATS(t), relay: servertest.SMTP(t, servertest.SMTPScript{})}
	if err := Run(t.Context(), w.config()); !errors.Is(err, eventlog.ErrNoStream) {
		t.Errorf("%v, want ErrNoStream", err)
	}
}
