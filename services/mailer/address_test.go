package mailer

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// change of a license's address: the fact, and what the license worker makes of it.
type change struct{ fact, made events.Recorded }

func (w *world) readdress(granted events.Recorded, from, to string) change {
	w.t.Helper()
	fact := w.fact(granted.Extension, events.SoftphoneEmailChanged{Email: to})
	license := granted.Data.(events.LicenseGranted)
	return change{fact, w.publish(events.NewOutcome(events.License, fact.Event, events.LicenseEmailChanged{
		LicenseID: license.LicenseID, Generation: license.Generation, Email: to, PreviousEmail: from,
	}), &fact)}
}

// changed waits for the ends of a change's two mails, the welcome's and the notice's.
func (w *world) changed(c change) (welcome, notice events.Data) {
	w.t.Helper()
	w.awaitOutcomes(c.made, c.fact)
	w.noticed()
	ends := w.outcomes()
	return ends[c.made.ID].Data, ends[c.fact.ID].Data
}

// recipients of the mails that the relay took, by subject.
func (w *world) recipients() map[string][]string {
	w.t.Helper()
	to := map[string][]string{}
	for _, m := range w.relay.Mails() {
		header := parse(w.t, m.Data).header
		subject, err := header.Text("Subject")
		if err != nil {
			w.t.Fatal(err)
		}
		to[subject] = append(to[subject], m.To[0])
	}
	return to
}

const (
	welcomeSubject = "Your softphone is ready"
	noticeSubject  = "The e-mail address of your softphone was changed"
)

func skippedFor(data events.Data, reason, to string) bool {
	skipped, is := data.(events.EmailSkipped)
	return is && skipped.Reason == reason && skipped.To == to
}

func sentTo(data events.Data, kind, to string) bool {
	sent, is := data.(events.EmailSent)
	return is && sent.Kind == kind && sent.To == to
}

// A mistyped address is refused and then corrected: the welcome goes to the right one,
// which the failure of the other does not block, and nobody is told at the wrong one.
func TestARefusedAddressIsCorrected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(to string) error {
		if strings.HasPrefix(to, "ana@") {
			return servertest.SMTPAnswer(550, 5, 1, 1, "no such user")
		}
		return nil
	}}, 0)
	w.run(w.config())
	granted := w.grant(anna, "ana@example.com")
	w.awaitOutcomes(granted)
	if answer, _ := w.ask(askAnna); answer.Emails[0].State != StateFailed || !answer.Emails[0].CorrectAddress {
		t.Errorf("shown %+v, want that the address is to be corrected", answer.Emails)
	}
	welcome, notice := w.changed(w.readdress(granted, "ana@example.com", "anna@example.com"))
	if !sentTo(welcome, "welcome", "anna@example.com") {
		t.Errorf("to the right address: %+v", welcome)
	}
	if !skippedFor(notice, ReasonRecipientFailed, "ana@example.com") {
		t.Errorf("to the wrong one: %+v", notice)
	}
	reset, again := w.fact(anna, events.SoftphonePasswordReset{}), w.fact(anna, events.WelcomeEmailRequested{})
	told := w.awaitOutcomes(reset, again)
	if !sentTo(told[reset.ID].Data, "password-changed", "anna@example.com") || !sentTo(told[again.ID].Data, "welcome", "anna@example.com") {
		t.Errorf("later mails: %+v, %+v", told[reset.ID].Data, told[again.ID].Data)
	}
	answer, _ := w.ask(askAnna)
	var shown []string
	for _, e := range answer.Emails {
		shown = append(shown, e.Kind+" "+e.State+" "+e.To+" "+e.Advice)
	}
	if len(shown) != 5 || shown[2] != "welcome sent anna@example.com " || shown[3] != "email-changed skipped ana@example.com " || !answer.Current {
		t.Errorf("shown (current %v):\n%s", answer.Current, strings.Join(shown, "\n"))
	}
}

// Each of the two addresses gets its mail once, whoever sends it and however often the
// events come: two replicas, and both consumers lost.
func TestBothAddressesHearOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	stops := []func(){w.run(w.config()), w.run(w.config())}
	granted := w.grant(anna, "old@example.com")
	w.awaitOutcomes(granted)
	c := w.readdress(granted, "old@example.com", "new@example.com")
	welcome, notice := w.changed(c)
	if !sentTo(welcome, "welcome", "new@example.com") || !sentTo(notice, "email-changed", "old@example.com") {
		t.Errorf("welcome %+v, notice %+v", welcome, notice)
	}
	for _, stop := range stops {
		stop()
	}
	for _, durable := range []string{events.Mailer, NoticesDurable} {
		if err := w.log.JetStream().DeleteConsumer(t.Context(), events.Stream, durable); err != nil {
			t.Fatal(err)
		}
	}
	w.run(w.config())
	w.settled()
	w.noticed()
	w.outcomes() // two of one cause fail the test
	to := w.recipients()
	if got := strings.Join(to[welcomeSubject], " "); got != "old@example.com new@example.com" {
		t.Errorf("welcomes to %s", got)
	}
	if got := strings.Join(to[noticeSubject], " "); got != "old@example.com" {
		t.Errorf("notices to %s", got)
	}
	for _, m := range w.relay.Mails() {
		text := parse(t, m.Data).parts["text/plain"]
		if m.To[0] == "new@example.com" && (!strings.Contains(text, "anna.1001") || !strings.Contains(text, "https://")) {
			t.Errorf("the welcome lacks the username or the links:\n%s", text)
		}
		if m.To[0] == "old@example.com" && strings.Contains(string(m.Data), "new@example.com") {
			t.Errorf("the notice names the new address:\n%s", m.Data)
		}
	}
}

// While the first mail to the old address is under way, the address is changed: the mail
// arrives, once, and the notice follows it.
func TestAMailUnderWayToTheOldAddress(t *testing.T) {
	t.Parallel()
	under, release := make(chan struct{}, 9), make(chan struct{})
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(to string) error {
		if to == "old@example.com" {
			under <- struct{}{}
			<-release
		}
		return nil
	}}, 0)
	w.run(w.config())
	granted := w.grant(anna, "old@example.com")
	<-under
	c := w.readdress(granted, "old@example.com", "new@example.com")
	if welcome := w.outcomesOf(c.made); !sentTo(welcome, "welcome", "new@example.com") {
		t.Errorf("welcome %+v", welcome)
	}
	if told := w.outcomes()[c.fact.ID]; told.Data != nil {
		t.Errorf("the notice did not wait: %+v", told)
	}
	close(release)
	if _, notice := w.changed(c); !sentTo(notice, "email-changed", "old@example.com") {
		t.Errorf("notice %+v", notice)
	}
	if to := w.recipients()[welcomeSubject]; len(to) != 2 {
		t.Errorf("welcomes to %v", to)
	}
}

// bounce delivers a notification into the Maildir of a mailer, and waits until it is read.
func (w *world) bounce(c Config, raw []byte) {
	w.t.Helper()
	name := strconv.Itoa(len(raw)) + "-" + strconv.FormatInt(time.Now().UnixNano(), 10)
	part := filepath.Join(c.Bounces.Dir, "tmp", name)
	if err := errors.Join(os.WriteFile(part, raw, 0o600), os.Rename(part, filepath.Join(c.Bounces.Dir, "new", name))); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("it is read", func() bool {
		_, err := os.Stat(filepath.Join(c.Bounces.Dir, "cur", name+":2,S"))
		return err == nil
	})
}

func (w *world) outcomesOf(c events.Recorded) events.Data {
	w.t.Helper()
	w.eventually("an outcome", func() bool { return w.outcomes()[c.ID].Data != nil })
	return w.outcomes()[c.ID].Data
}

// A mail that is put off when the address is changed is not tried again for the old one,
// which was never reached and so hears nothing.
func TestAMailPutOffForTheOldAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(to string) error {
		if to == "old@example.com" {
			return servertest.SMTPAnswer(450, 4, 1, 2, "domain not found")
		}
		return nil
	}}, 0)
	w.run(w.config())
	granted := w.grant(anna, "old@example.com")
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	w.eventually("they are put off", func() bool { return len(w.published()[granted.ID]) > 0 && len(w.published()[reset.ID]) > 0 })
	c := w.readdress(granted, "old@example.com", "new@example.com")
	welcome, notice := w.changed(c)
	if !sentTo(welcome, "welcome", "new@example.com") || !skippedFor(notice, ReasonNotReached, "old@example.com") {
		t.Errorf("welcome %+v, notice %+v", welcome, notice)
	}
	told := w.awaitOutcomes(granted, reset)
	if !skippedFor(told[granted.ID].Data, ReasonEmailChanged, "old@example.com") {
		t.Errorf("the welcome to the old address: %+v", told[granted.ID].Data)
	}
	if !sentTo(told[reset.ID].Data, "password-changed", "new@example.com") {
		t.Errorf("the notice of the password: %+v", told[reset.ID].Data)
	}
}

// Corrected twice before any mail was sent: only the last address gets one.
func TestCorrectedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "a@example.com")
	request := w.fact(anna, events.WelcomeEmailRequested{})
	first := w.readdress(granted, "a@example.com", "b@example.com")
	second := w.readdress(granted, "b@example.com", "c@example.com")
	w.run(w.config())
	welcome, notice := w.changed(second)
	if !sentTo(welcome, "welcome", "c@example.com") || !skippedFor(notice, ReasonNotReached, "b@example.com") {
		t.Errorf("second: welcome %+v, notice %+v", welcome, notice)
	}
	welcome, notice = w.changed(first)
	if !skippedFor(welcome, ReasonEmailChanged, "b@example.com") || !skippedFor(notice, ReasonNotReached, "a@example.com") {
		t.Errorf("first: welcome %+v, notice %+v", welcome, notice)
	}
	if asked := w.awaitOutcomes(request)[request.ID].Data; !skippedFor(asked, ReasonEmailChanged, "c@example.com") {
		t.Errorf("asked for before: %+v", asked)
	}
	if mails := w.relay.Mails(); len(mails) != 1 {
		t.Errorf("%d mails, want 1", len(mails))
	}
}

// The license is revoked meanwhile: nobody gets a mail. One that is granted later has
// nothing to do with changes of an earlier one.
func TestCorrectedAndRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "a@example.com")
	c := w.readdress(granted, "a@example.com", "b@example.com")
	w.revoke(anna, granted.Data.(events.LicenseGranted).LicenseID)
	later := w.grantAgain(anna, "d@example.com", 2)
	w.run(w.config())
	welcome, notice := w.changed(c)
	if !skippedFor(welcome, ReasonNotCurrent, "b@example.com") || !skippedFor(notice, ReasonNotCurrent, "a@example.com") {
		t.Errorf("welcome %+v, notice %+v", welcome, notice)
	}
	if told := w.awaitOutcomes(later)[later.ID].Data; !sentTo(told, "welcome", "d@example.com") {
		t.Errorf("the later license: %+v", told)
	}
}

// The address is changed between the look at what holds and the outcome that nothing is
// sent, for the old one is blocked: the log refuses it, and the mail goes to the new one.
func TestASkipIsOfTheAddressInForce(t *testing.T) {
	t.Parallel()
	var right atomic.Bool
	w := newWorld(t, servertest.SMTPScript{Rcpt: func(string) error {
		if !right.Load() {
			return servertest.SMTPAnswer(550, 5, 1, 1, "no such user")
		}
		return nil
	}}, 0)
	granted := w.grant(anna, "a@example.com")
	stop := w.run(w.config())
	w.awaitOutcomes(granted)
	stop()
	right.Store(true)
	m := w.mailer(w.config())
	reset := w.fact(anna, events.SoftphonePasswordReset{})
	d := w.delivery(reset.Event, reset.Sequence)
	c, err := read(d.Message)
	if err != nil {
		t.Fatal(err)
	}
	before, now, err := m.look(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	w.readdress(granted, "a@example.com", "b@example.com")
	if err := m.act(t.Context(), d, c, nil, before, now); err == nil || !strings.Contains(err.Error(), eventlog.ErrBehind.Error()) {
		t.Errorf("%v, want %v", err, eventlog.ErrBehind)
	}
	if err := m.handle(t.Context(), d); err != nil {
		t.Error(err)
	}
	if told := w.outcomes()[reset.ID].Data; !sentTo(told, "password-changed", "b@example.com") {
		t.Errorf("told %+v", told)
	}
}

// Nobody was told of the change yet, and a mail that bounced says that nobody was there:
// then nobody is told.
func TestABouncedAddressIsCorrected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	c := w.config()
	c.Bounces = Bounces{Dir: maildir(t), Every: 5 * time.Millisecond}
	w.run(c)
	granted := w.grant(anna, "anna@example.com")
	sent := w.awaitOutcomes(granted)[granted.ID].Data.(events.EmailSent)
	w.bounce(c, notification(sent.MessageID, "failed", "5.1.1", "550 5.1.1 no such user"))
	changed := w.readdress(granted, "anna@example.com", "anna@example.org")
	welcome, notice := w.changed(changed)
	if !sentTo(welcome, "welcome", "anna@example.org") || !skippedFor(notice, ReasonRecipientFailed, "anna@example.com") {
		t.Errorf("welcome %+v, notice %+v", welcome, notice)
	}
	// And the new one's notification finds its way, which blocks the new one alone.
	w.bounce(c, notification(welcome.(events.EmailSent).MessageID, "failed", "5.1.1", "550 5.1.1 no such user"))
	_, notice = w.changed(w.readdress(granted, "anna@example.org", "anna@example.net"))
	if !skippedFor(notice, ReasonRecipientFailed, "anna@example.org") {
		t.Errorf("notice %+v", notice)
	}
}

// The log's leader is behind what was delivered: no notice is decided from that.
func TestANoticeIsNotDecidedFromThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	m := w.mailer(w.config())
	granted := w.grant(anna, "old@example.com")
	first := w.delivery(granted.Event, granted.Sequence)
	if err := m.handle(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	fact := w.fact(anna, events.SoftphoneEmailChanged{Email: "new@example.com"})
	license := granted.Data.(events.LicenseGranted)
	made := events.NewOutcome(events.License, fact.Event, events.LicenseEmailChanged{
		LicenseID: license.LicenseID, Generation: 1, Email: "new@example.com", PreviousEmail: "old@example.com",
	})
	early := w.delivery(made, fact.Sequence+1)
	early.Header.Set(events.HeaderCause, "3")
	early.Header.Set(events.HeaderCauseID, fact.ID)
	for name, handle := range map[string]func() error{
		"welcome": func() error { return m.handle(t.Context(), early) },
		"notice":  func() error { return m.handleNotice(t.Context(), early) },
	} {
		if err := handle(); err == nil || !strings.Contains(err.Error(), eventlog.ErrBehind.Error()) {
			t.Errorf("%s: %v, want %v", name, err, eventlog.ErrBehind)
		}
	}
	if told := w.outcomes(); len(told) != 1 {
		t.Errorf("told %+v", told)
	}
	if stored := w.publish(made, &fact); stored.Sequence != early.Sequence {
		t.Fatalf("stored at %d, want %d", stored.Sequence, early.Sequence)
	}
	if err := m.handle(t.Context(), early); err != nil {
		t.Error(err)
	}
	if err := m.handleNotice(t.Context(), early); err != nil {
		t.Error(err)
	}
	told := w.outcomes()
	if !sentTo(told[made.ID].Data, "welcome", "new@example.com") || !sentTo(told[fact.ID].Data, "email-changed", "old@example.com") {
		t.Errorf("told %+v", told)
	}
}
