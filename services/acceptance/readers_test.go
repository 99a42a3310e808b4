package acceptance

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// Owners of partitions read with the consumers that setup made for them. When those are
// gone, as with a server that was restarted alone, they read without, and with them again
// after the next setup.
func TestOwnersReadWithTheirConsumersAndWithout(t *testing.T) {
	s := deploy(t)
	s.relay = servertest.SMTP(t, servertest.SMTPScript{})
	var log servertest.Lines
	s.startWorkers(t, &log, "http://127.0.0.1:1")
	js, err := jetstream.New(s.natsAs(t, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	pulled := func() error {
		for n := range events.Partitions {
			name := eventlog.PartitionReader(events.License, n)
			c, err := js.Consumer(t.Context(), events.Stream, name)
			if err != nil {
				return err
			}
			if c.CachedInfo().NumWaiting == 0 {
				return fmt.Errorf("nobody pulls on %s", name)
			}
		}
		return nil
	}
	eventually := func(what string, so func() error) {
		t.Helper()
		end := time.Now().Add(time.Minute)
		for err := so(); err != nil; err = so() {
			if time.Now().After(end) {
				t.Fatalf("%s: %v\n%s", what, err, &log)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	eventually("with consumers", pulled)
	if got := s.publish(t, "SoftphoneEnabled", `{"email":"ann@example.com","username":"ann","displayName":"Ann"}`); got.Outcome != "LicenseGranted" {
		t.Errorf("with consumers: %v", got)
	}

	s.nats.Restart()
	eventually("JetStream again", func() error {
		_, err := js.Stream(t.Context(), events.Stream)
		return err
	})
	if _, err := js.Consumer(t.Context(), events.Stream, eventlog.PartitionReader(events.License, 0)); err == nil {
		t.Fatal("the consumers outlived the server")
	}
	if got := s.publish(t, "SoftphoneDisabled", `{}`); got.Outcome != "LicenseRevoked" {
		t.Errorf("without consumers: %v", got)
	}
}
