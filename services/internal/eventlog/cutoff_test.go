package eventlog_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// What the server sent just before a connection broke may have got nowhere. The
// server thinks it delivered, and nothing may ever follow that would show the gap.
func TestReaderWhoseConnectionBroke(t *testing.T) {
	t.Parallel()
	server, js, direct := setup(t)
	w := servertest.NewWay(t, server.URL())
	conn, err := nats.Connect(w.URL, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	log, err := eventlog.Open(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, direct, "softphone.pbx.acme.1001.Add", "", "1")
	reader, err := log.Read(t.Context(), "test-reader", 1, "log.>")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if batch, err := reader.Batch(t.Context(), 10, 5*time.Second); len(batch) != 1 || err != nil {
		t.Fatalf("%d messages, %v", len(batch), err)
	}

	w.Deaf.Store(true)
	publish(t, direct, "softphone.pbx.acme.1001.Add", "", "2")
	consumer, err := js.Consumer(t.Context(), events.Stream, "test-reader")
	if err != nil {
		t.Fatal(err)
	}
	for delivered := uint64(0); delivered < 2; {
		info, err := consumer.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		delivered = info.Delivered.Consumer
	}
	w.Deaf.Store(false)
	w.Break()

	if batch, err := reader.Batch(t.Context(), 10, 30*time.Second); !errors.Is(err, eventlog.ErrGap) {
		t.Fatalf("%d messages, %v; want ErrGap", len(batch), err)
	}
}
