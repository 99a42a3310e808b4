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
		within(t, time.Minute, what, func() error {
			if err := so(); err != nil {
				return fmt.Errorf("%w\n%s", err, &log)
			}
			return nil
		})
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

// What the open pull of a hanging owner takes, its successor must not miss. It reads
// without its consumer first, so it misses nothing. When the other one takes something
// later, and no later event may ever show it, the successor notices all the same; and who
// reads after it is not kept from reading by the pull that was left behind.
func TestReaderWhoseMessagesAnotherTook(t *testing.T) {
	s := deploy(t)
	ops, err := jetstream.New(s.natsAs(t, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	if err := setup.Everything(t.Context(), ops, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	publish := func() {
		t.Helper()
		if _, err := ops.Publish(t.Context(), events.PublishSubject(events.PBX, "acme", "1001", "ExtensionRenamed"), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	publish()
	partition := events.PartitionOf("acme")
	conn := s.natsAs(t, events.License)
	log, err := eventlog.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	consumer := events.Stream + "." + eventlog.PartitionReader(events.License, partition)
	// before the end, so that the pull waits
	if _, err := conn.Request(events.APIPrefix+".CONSUMER.RESET."+consumer, []byte(`{"seq":2}`), 10*time.Second); err != nil {
		t.Fatal(err)
	}
	hanging, err := conn.SubscribeSync(conn.NewInbox())
	if err == nil {
		err = conn.PublishRequest(events.APIPrefix+".CONSUMER.MSG.NEXT."+consumer, hanging.Subject, []byte(`{"batch":100,"expires":60000000000}`))
	}
	if err != nil {
		t.Fatal(err)
	}
	read := func(from uint64) *eventlog.Reader {
		t.Helper()
		reader, err := log.ReadPartition(t.Context(), events.License, partition, from)
		if err != nil {
			t.Fatal(err)
		}
		return reader
	}
	started := time.Now()
	reader := read(1)
	batch, err := reader.Batch(t.Context(), 10, 20*time.Second)
	if took := time.Since(started); len(batch) != 1 || err != nil || took > 10*time.Second {
		t.Fatalf("%d messages after %s: %v; want 1 soon", len(batch), took, err)
	}
	for waiting := 0; waiting < 2; time.Sleep(50 * time.Millisecond) {
		c, err := ops.Consumer(t.Context(), events.Stream, eventlog.PartitionReader(events.License, partition))
		if err != nil || time.Since(started) > time.Minute {
			t.Fatalf("the reader does not take its consumer: %v", err)
		}
		waiting = c.CachedInfo().NumWaiting
	}
	publish()
	if _, err := hanging.NextMsg(20 * time.Second); err != nil {
		t.Fatalf("the hanging pull takes nothing: %v", err)
	}
	if batch, err = reader.Batch(t.Context(), 10, 30*time.Second); !errors.Is(err, eventlog.ErrGap) {
		t.Errorf("%d messages, %v; want ErrGap", len(batch), err)
	}
	reader.Close()
	started = time.Now()
	reader = read(2)
	defer reader.Close()
	if batch, err = reader.Batch(t.Context(), 10, 20*time.Second); len(batch) != 1 || err != nil {
		t.Errorf("%d messages after %s: %v; want 1 soon", len(batch), time.Since(started), err)
	}
}
