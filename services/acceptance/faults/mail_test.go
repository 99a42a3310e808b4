package faults

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// The mail server is gone for a minute while licenses are granted: afterwards
// each of them has its e-mail, and none has two.
func TestMailServerGone(t *testing.T) {
	t.Parallel()
	s := newSystem(t, childLicense, childMailer, childMailer)
	s.enable(0, 20)
	s.mailed(20)
	s.smtp.Stop()
	s.enable(20, 60)
	time.Sleep(outage)
	s.smtp.Start()
	s.mailed(60)
}

// NATS is killed while mails are sent: the durable consumer and the log are the
// mailer's only memory.
func TestNoMailTwiceWithoutNATS(t *testing.T) {
	t.Parallel()
	s := newSystem(t, childLicense, childMailer, childMailer)
	for batch := range 5 {
		s.enable(batch*20, batch*20+20)
		s.nats.Kill()
		s.nats.Start()
	}
	s.mailed(100)
}

// NATS is killed at the very moment a mail server takes a mail: its outcome cannot be
// told for a while, and the server, back again, does not know to whom it gave what.
func TestNoMailTwiceWithNATSKilledAtTheDot(t *testing.T) {
	t.Parallel()
	const kills, mails = 5, 100
	s := newSystem(t, childLicense, childMailer, childMailer)
	taken := make(chan chan<- struct{})
	var n atomic.Int32
	s.smtp.SetScript(servertest.SMTPScript{Data: func(servertest.SMTPMail) error {
		if at := n.Add(1); at%(mails/kills) == mails/kills/2 && at < mails {
			killed := make(chan struct{})
			taken <- killed
			<-killed
		}
		return nil
	}})
	s.enable(0, mails)
	for range kills {
		killed := <-taken
		s.nats.Kill()
		close(killed)
		s.nats.Start()
	}
	s.mailed(mails)
}

// Redis knows nothing of e-mails: emptied, it makes the license worker fold its
// log again, and nobody is mailed again.
func TestNoMailTwiceWithoutRedis(t *testing.T) {
	t.Parallel()
	s := newSystem(t, childLicense, childMailer)
	s.enable(0, 50)
	s.mailed(50)
	older := s.redis.Snapshot()
	s.enable(50, 100)
	s.redis.PutBack(older)
	s.mailed(100)
	s.redis.Empty()
	s.enable(100, 110)
	s.mailed(110)
}

// enable enables the softphones of some extensions.
func (s *system) enable(from, to int) {
	s.t.Helper()
	load := &traffic{log: s.log}
	for _, x := range extensionsIn(-1, to)[from:] {
		fact := events.NewFact(x, events.SoftphoneEnabled{
			Email: "user-" + x.Number + "@example.com", Username: x.Number, DisplayName: "User " + x.Number,
		})
		if _, err := load.say(fact, nil); err != nil {
			s.t.Fatal(err)
		}
	}
}

// mailed waits until n outcomes of the mailer are in the log, and holds them and
// the mails that arrived to one for each extension.
func (s *system) mailed(n int) {
	s.t.Helper()
	s.smtp.Wait(n, 2*time.Minute) // the last probe may have set the next one 30 s off
	var sent []eventlog.Message
	for deadline := time.Now().Add(time.Minute); len(sent) < n && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		sent = slices.DeleteFunc(s.outcomes(events.Mailer), func(m eventlog.Message) bool { return m.Name() == "EmailDeferred" })
	}
	outcomes := map[string]int{}
	for _, m := range sent {
		if m.Name() != "EmailSent" {
			s.t.Errorf("the mailer said %s: %s", m.Name(), m.Data)
		}
		outcomes[m.Header.Get(events.HeaderCauseID)]++
	}
	mails := map[string]int{}
	for _, mail := range s.smtp.Mails() {
		mails[strings.Join(mail.To, ",")]++
	}
	if len(outcomes) != n || len(sent) != n {
		s.t.Errorf("%d outcomes on %d licenses, want %d", len(sent), len(outcomes), n)
	}
	if len(mails) != n || len(s.smtp.Mails()) != n {
		s.t.Errorf("%d mails to %d users, want %d", len(s.smtp.Mails()), len(mails), n)
	}
}

// outcomes are all events of one source in the log.
func (s *system) outcomes(source string) []eventlog.Message {
	s.t.Helper()
	var all []eventlog.Message
	for from := uint64(1); ; {
		m, err := s.next(from, "log.*."+source+".>")
		if err != nil {
			s.t.Fatal(err)
		}
		if m == nil {
			return all
		}
		all = append(all, *m)
		from = m.Sequence + 1
	}
}

// next reads the log. A server that was just started may not answer yet.
func (s *system) next(from uint64, subject string) (m *eventlog.Message, err error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if m, err = s.log.NextOf(s.t.Context(), from, subject); err == nil {
			break
		}
	}
	return m, err
}
