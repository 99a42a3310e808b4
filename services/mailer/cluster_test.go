package mailer

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// Three servers, and the log is led by another one than the mailer's durable, whose
// leader may be ahead of it: every license in force has its mail, once. Before anything
// waited for the log's leader, 3 of 2,000 were skipped for good, and 28 while leaders moved.
func TestEveryLicenseHasItsMail(t *testing.T) {
	for name, move := range map[string]bool{"leaders stay": false, "leaders move": true} {
		t.Run(name, func(t *testing.T) {
			const licenses, atOnce = 2000, 20
			w, servers := newCluster(t)
			for range 2 {
				c := w.config()
				c.NATS.URL = servers.URL()
				w.run(c)
			}
			w.eventually("the mailer has its durable", func() bool {
				of, durable := servertest.Leaders(t, w.log.JetStream(), events.Stream, events.Mailer)
				return of != "" && durable != ""
			})
			apart := servertest.KeepApart(t, servers.Connect(t), events.Stream, events.Mailer, move)
			w.eventually("the leaders are apart", func() bool {
				of, durable := servertest.Leaders(t, w.log.JetStream(), events.Stream, events.Mailer)
				return of != "" && durable != "" && of != durable
			})
			granted := w.grantMany(licenses, atOnce)
			w.eventuallyIn(4*time.Minute, "every license has its outcome", func() bool { return w.ended() >= licenses })
			seen, not := apart()
			w.settled()

			sent := map[string]int{}
			for _, mail := range w.relay.Mails() {
				sent[mail.To[0]]++
			}
			wrong, twice := 0, 0
			outcomes := w.outcomes()
			for id, to := range granted {
				if _, is := outcomes[id].Data.(events.EmailSent); !is || sent[to] == 0 {
					wrong++
					if wrong < 5 {
						t.Errorf("%s has %d mails, and the log says %+v", to, sent[to], outcomes[id].Data)
					}
				}
				if sent[to] > 1 {
					twice++
				}
			}
			behind := strings.Count(w.lines.String(), eventlog.ErrBehind.Error())
			t.Logf("%d licenses: %d without their mail, %d with more than one; leaders seen apart %d times, together %d; %d lines say behind",
				licenses, wrong, twice, seen, not, behind)
			if wrong > 0 || twice > 0 {
				t.Errorf("%d licenses have no mail, %d more than one", wrong, twice)
			}
		})
	}
}

// newCluster is a world on three servers.
func newCluster(t *testing.T) (*world, *servertest.Cluster) {
	t.Helper()
	servers := servertest.NATSCluster(t)
	w := &world{t: t, nats: servers.Servers[0], relay: servertest.SMTP(t, servertest.SMTPScript{})}
	js := w.nats.JetStream(t)
	layout := eventlog.Layout{Replicas: 3}
	servers.Ready(func() error { return setup.Everything(t.Context(), js, layout) })
	var err error
	if w.log, err = eventlog.Open(t.Context(), w.nats.Connect(t)); err != nil {
		t.Fatal(err)
	}
	return w, servers
}

// ended is how many outcomes the log has, cheaply.
func (w *world) ended() int {
	w.t.Helper()
	stream, err := w.log.JetStream().Stream(w.t.Context(), events.Stream)
	if err != nil {
		return 0
	}
	info, err := stream.Info(w.t.Context(), jetstream.WithSubjectFilter("log.*.mailer.>"))
	if err != nil {
		return 0
	}
	n := 0
	for subject, messages := range info.State.Subjects {
		if !strings.HasSuffix(subject, ".EmailDeferred") {
			n += int(messages)
		}
	}
	return n
}

// grantMany licenses, so many at once, in the middle of what others publish: then the
// servers are busy, and the mailers wait for each. It returns to whom, by the grants' ids.
func (w *world) grantMany(licenses, atOnce int) map[string]string {
	w.t.Helper()
	granted := map[string]string{}
	var noise []*nats.Msg
	for n := range 500 {
		noise = append(noise, w.message(events.NewFact(events.Extension{Tenant: "noise", Number: strconv.Itoa(n)}, events.ExtensionRenamed{Name: "Noise"}), ""))
	}
	// A leader that moves takes acknowledgements with it: without a time-out the wait below never ends.
	js, err := jetstream.New(w.nats.Connect(w.t), jetstream.WithPublishAsyncMaxPending(4096), jetstream.WithPublishAsyncTimeout(5*time.Second))
	if err != nil {
		w.t.Fatal(err)
	}
	for len(granted) < licenses {
		var burst []*nats.Msg
		for range atOnce {
			n := strconv.Itoa(len(granted))
			x := events.Extension{Tenant: "tenant-" + n[len(n)-1:], Number: n}
			enabled := events.NewFact(x, events.SoftphoneEnabled{Email: "user" + n + "@example.com", Username: "user." + n, DisplayName: "User " + n})
			license := events.NewOutcome(events.License, enabled, events.LicenseGranted{
				LicenseID: enabled.ID, Generation: 1, DeviceLimit: 4, Email: "user" + n + "@example.com", Username: "user." + n, DisplayName: "User " + n,
			})
			granted[license.ID] = "user" + n + "@example.com"
			burst = append(burst, w.message(license, enabled.ID))
		}
		for n, m := range noise {
			_, _ = js.PublishMsgAsync(m)
			if every := len(noise) / len(burst); n%every == 0 && n/every < len(burst) {
				_, _ = js.PublishMsgAsync(burst[n/every])
			}
		}
		for _, m := range burst { // again, for a leader may have moved: it is stored once
			w.eventually("a license is stored", func() bool { _, err := w.log.Publish(w.t.Context(), m); return err == nil })
		}
		select {
		case <-js.PublishAsyncComplete():
		case <-time.After(30 * time.Second):
			w.t.Fatal("acknowledgements of noise are neither there nor given up after 30 s")
		}
	}
	return granted
}

// message of an event; if it has a cause, as a worker publishes it.
func (w *world) message(e events.Event, causeID string) *nats.Msg {
	w.t.Helper()
	body, err := e.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	m := nats.NewMsg(e.Subject())
	m.Data = body
	if causeID != "" {
		m.Header.Set(events.HeaderMsgID, e.ID)
		m.Header.Set(events.HeaderCauseID, causeID)
		m.Header.Set(events.HeaderCause, "1")
	}
	return m
}
