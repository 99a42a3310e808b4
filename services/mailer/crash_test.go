package mailer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, map[string]func(){"mailer": runMailer}) }

// runMailer is a mailer in a process of its own, which a test can kill.
func runMailer() {
	var c Config
	if err := process.Parse(&c, os.Environ()); err != nil {
		panic(err)
	}
	c.AckWait = ackWait
	if longer, err := time.ParseDuration(os.Getenv("TEST_ACK_WAIT")); err == nil {
		c.AckWait = longer
	}
	c.Host = process.NewHost(zerolog.New(os.Stderr))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fmt.Fprintln(os.Stderr, Run(ctx, c))
}

const (
	ackWait    = time.Second // so that a dead process's messages are soon given to the next
	startLimit = time.Minute // for a child to do something
)

// The one at-least-once of the system, forced: the process is killed after the
// relay took the mail and before the outcome could be stored. The mail is sent
// again, and is the same to the byte, so that its receiver can see that.
func TestKilledBetweenMailAndOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	accepted := make(chan struct{})
	first := true
	w.relay.SetScript(servertest.SMTPScript{Data: func(servertest.SMTPMail) error {
		if first {
			first = false
			w.nats.Stop() // nothing can be published from here on
			close(accepted)
		}
		return nil
	}})
	granted := w.grant(anna, "anna@example.com")
	child := servertest.StartChild(t, "mailer", "NATS_URL="+w.nats.URL(), "SMTP_URL=smtp://"+w.relay.Addr)
	<-accepted
	w.relay.Wait(1, startLimit)
	child.Kill()
	w.nats.Start()
	w.eventually("the log answers", func() bool { _, err := w.log.State(t.Context()); return err == nil })

	c := w.config()
	c.AckWait = ackWait
	w.run(c)
	w.awaitOutcomes(granted)
	mails := w.relay.Mails()
	if len(mails) != 2 || !bytes.Equal(mails[0].Data, mails[1].Data) {
		t.Errorf("%d mails, want the same one twice", len(mails))
	}
}

// Killed again and again while it works: every cause has one outcome, and at most
// one mail more than that for each kill and slot.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	const kills, mails = 5, 400
	w := newWorld(t, servertest.SMTPScript{}, 0)
	var causes []events.Recorded
	for i := range mails {
		x := events.Extension{Tenant: "acme", Number: strconv.Itoa(i)}
		causes = append(causes, w.grant(x, "user"+x.Number+"@example.com"))
	}
	environment := []string{"NATS_URL=" + w.nats.URL(), "SMTP_URL=smtp://" + w.relay.Addr}
	for i := range kills {
		child := servertest.StartChild(t, "mailer", environment...)
		w.relay.Wait((i+1)*mails/(kills+2), startLimit)
		child.Kill()
	}
	c := w.config()
	c.AckWait = ackWait
	w.run(c)
	outcomes := w.awaitOutcomes(causes...)
	sent := len(w.relay.Mails())
	t.Logf("%d kills: %d mails, %d of them twice", kills, mails, sent-mails)
	if len(outcomes) != mails || sent < mails || sent > mails+kills*c.Concurrency {
		t.Errorf("%d outcomes and %d mails for %d causes", len(outcomes), sent, mails)
	}
	recipients := map[string]bool{}
	for _, m := range w.relay.Mails() {
		recipients[m.To[0]] = true
	}
	if len(recipients) != mails {
		t.Errorf("%d recipients, want %d", len(recipients), mails)
	}
}
