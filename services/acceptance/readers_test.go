package acceptance

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// Owners of partitions read with the consumers that setup made for them. When those are
// gone, as with a server that was restarted alone, they read without.
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

// What the open pull of a hanging owner takes, its successor misses, and no later event
// may ever show it. The successor notices all the same.
func TestReaderWhoseMessagesAnotherTook(t *testing.T) {
	s := deploy(t)
	ops, err := jetstream.New(s.natsAs(t, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	if err := setup.Everything(t.Context(), ops, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	partition := events.PartitionOf("acme")
	if _, err := ops.Publish(t.Context(), events.PublishSubject(events.PBX, "acme", "1001", "ExtensionRenamed"), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	conn := s.natsAs(t, events.License)
	log, err := eventlog.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	consumer := events.Stream + "." + eventlog.PartitionReader(events.License, partition)
	reset := func() {
		t.Helper()
		if _, err := conn.Request(events.APIPrefix+".CONSUMER.RESET."+consumer, []byte(`{"seq":2}`), 10*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	reset() // before the end, so that the pull waits
	hanging, err := conn.SubscribeSync(conn.NewInbox())
	if err == nil {
		err = conn.PublishRequest(events.APIPrefix+".CONSUMER.MSG.NEXT."+consumer, hanging.Subject, []byte(`{"batch":100,"expires":30000000000}`))
	}
	if err != nil {
		t.Fatal(err)
	}
	reader, err := log.ReadPartition(t.Context(), events.License, partition, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	batch, err := reader.Batch(t.Context(), 10, 20*time.Second)
	if !errors.Is(err, eventlog.ErrGap) {
		t.Errorf("%d messages, %v; want ErrGap", len(batch), err)
	}
}
