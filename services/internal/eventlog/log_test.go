package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, nil) }

// setup is a server with the log on it.
func setup(t *testing.T) (*servertest.NATSServer, jetstream.JetStream, *eventlog.Log) {
	t.Helper()
	server := servertest.NATS(t)
	js := server.JetStream(t)
	if err := eventlog.Ensure(t.Context(), js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(t.Context(), server.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return server, js, log
}

func publish(t *testing.T, log *eventlog.Log, subject, id, body string) eventlog.Receipt {
	t.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	m.Header.Set(events.HeaderMsgID, id)
	receipt, err := log.Publish(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// The partition a process works out is the one the server stores under.
func TestPartitionIsTheServers(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	seen := map[int]bool{}
	for i := range 200 {
		key := events.Extension{Tenant: fmt.Sprintf("tenant-%d", i%100), Number: fmt.Sprintf("%d_%c", i*37, 'a'+i%26)}
		receipt := publish(t, log, events.PublishSubject("pbx", key.Tenant, key.Number, "Add"), "", "{}")
		stored, err := log.Get(t.Context(), receipt.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		partition := key.Partition()
		if want := (events.Input{Source: "pbx", Name: "Add"}).Subject(key); stored.Subject != want {
			t.Fatalf("stored under %s, expected %s", stored.Subject, want)
		}
		if stored.Extension() != key || stored.Source() != "pbx" || stored.Name() != "Add" {
			t.Fatalf("%s reads as %s, %s, %s", stored.Subject, stored.Extension(), stored.Source(), stored.Name())
		}
		seen[partition] = true
	}
	if len(seen) != events.Partitions {
		t.Errorf("100 tenants fell on %d partitions", len(seen))
	}
}

func TestEnsureIsRepeatable(t *testing.T) {
	t.Parallel()
	_, js, log := setup(t)
	before, err := log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := eventlog.Ensure(t.Context(), js, eventlog.Layout{DuplicateWindow: time.Minute}); err != nil {
		t.Fatal(err)
	}
	after, err := log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !after.Created.Equal(before.Created) {
		t.Error("the stream was created anew")
	}
}

// A stream that may have dropped events is not the log, to whoever sets up and
// to whoever opens.
func TestUnfitStreams(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*jetstream.StreamConfig)
		says  string
	}{
		{"age", func(c *jetstream.StreamConfig) { c.MaxAge = 24 * time.Hour }, "max_age is 24h"},
		{"count", func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 }, "max_msgs is 1000"},
		{"bytes", func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, "max_bytes is 1048576"},
		{"per subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, "max_msgs_per_subject is 1"},
		{"rollups", func(c *jetstream.StreamConfig) { c.AllowRollup = true }, "allow_rollup_hdrs is on"},
		{"times to live", func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true }, "allow_msg_ttl is on"},
		{"direct", func(c *jetstream.StreamConfig) { c.AllowDirect = true }, "allow_direct is on"},
		{"no batches", func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "allow_atomic is off"},
		{"memory", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage is"},
		{"transform", func(c *jetstream.StreamConfig) { c.SubjectTransform = nil }, "subject transform"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, js, log := setup(t)
			stream, err := js.Stream(t.Context(), events.Stream)
			if err != nil {
				t.Fatal(err)
			}
			config := stream.CachedInfo().Config
			if err := js.DeleteStream(t.Context(), events.Stream); err != nil {
				t.Fatal(err)
			}
			c.spoil(&config)
			if _, err := js.CreateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			_, opened := eventlog.Open(t.Context(), server.Connect(t))
			_, asked := log.State(t.Context())
			for what, err := range map[string]error{
				"Ensure": eventlog.Ensure(t.Context(), js, eventlog.Layout{}), "Open": opened, "State": asked,
			} {
				if !errors.Is(err, eventlog.ErrUnfit) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v, want ErrUnfit that says %q", what, err, c.says)
				}
			}
		})
	}
}

func TestOpenWithoutStream(t *testing.T) {
	t.Parallel()
	_, err := eventlog.Open(t.Context(), servertest.NATS(t).Connect(t))
	if !errors.Is(err, eventlog.ErrNoStream) || !strings.Contains(err.Error(), "softphonectl setup") {
		t.Errorf("%v, want ErrNoStream that says what to run", err)
	}
}

func TestDuplicatesAndLookups(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	first := publish(t, log, "softphone.pbx.acme.1001.Add", "one", "1")
	again := publish(t, log, "softphone.pbx.acme.1001.Add", "one", "1")
	if !again.Duplicate || again.Sequence != first.Sequence {
		t.Errorf("repeated: %+v after %+v", again, first)
	}
	second := publish(t, log, "softphone.pbx.acme.1001.Add", "two", "2")
	key := events.Extension{Tenant: "acme", Number: "1001"}
	subject := events.Input{Source: "pbx", Name: "Add"}.Subject(key)
	last, err := log.LastOf(t.Context(), subject)
	if err != nil || last == nil || last.Sequence != second.Sequence {
		t.Errorf("LastOf: %+v, %v", last, err)
	}
	next, err := log.NextOf(t.Context(), first.Sequence+1, subject)
	if err != nil || next == nil || next.Sequence != second.Sequence {
		t.Errorf("NextOf: %+v, %v", next, err)
	}
	for what, look := range map[string]func() (*eventlog.Message, error){
		"LastOf": func() (*eventlog.Message, error) { return log.LastOf(t.Context(), subject+"Other") },
		"NextOf": func() (*eventlog.Message, error) { return log.NextOf(t.Context(), second.Sequence+1, subject) },
		"Get":    func() (*eventlog.Message, error) { return log.Get(t.Context(), 1000) },
	} {
		if m, err := look(); m != nil || err != nil {
			t.Errorf("%s of nothing: %+v, %v", what, m, err)
		}
	}
}

// What must be stored together is, all or nothing, also when more are at it than the
// server takes at a time; and what is not as expected is refused.
func TestTogether(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	fence := events.ExtensionFence("test", events.Extension{Tenant: "acme", Number: "1001"})
	send := func(last uint64) (eventlog.Receipt, error) {
		m := &nats.Msg{Subject: "softphone.pbx.acme.1001.Add", Header: nats.Header{}, Data: []byte("1")}
		move := nats.NewMsg(fence)
		eventlog.Expect(move, fence, last)
		return log.Publish(t.Context(), m, move)
	}
	first, err := send(0)
	if err != nil || first.Sequence != 2 {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := send(0); !eventlog.Refused(err) {
		t.Errorf("not as expected: %v", err)
	}
	if second, err := send(first.Sequence - 1); err != nil || second.Sequence != 4 {
		t.Errorf("%+v, %v", second, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // each waits for most of the others
	defer cancel()
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			m := func(n int) *nats.Msg {
				return &nats.Msg{Subject: fmt.Sprintf("softphone.pbx.acme.%d.Add", i), Header: nats.Header{}, Data: fmt.Append(nil, n)}
			}
			if _, err := log.Publish(ctx, m(2), m(1)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if state, err := log.State(t.Context()); err != nil || state.Messages != 4+2*200 {
		t.Errorf("%+v, %v", state, err)
	}
}

// The log takes an event of the largest size with its headers, and refuses more.
func TestLargestMessage(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	publish(t, log, "softphone.pbx.acme.1001.Add", "large", strings.Repeat("x", events.MaxSize))
	m := nats.NewMsg("softphone.pbx.acme.1001.Add")
	m.Data = make([]byte, eventlog.MaxMessage+1)
	if _, err := log.Publish(t.Context(), m); err == nil {
		t.Error("a message over the limit was stored")
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	for i := range 50 {
		publish(t, log, "softphone.pbx.acme.1001.Add", "", fmt.Sprint(i))
		publish(t, log, "softphone.pbx.acme.1001.Other", "", fmt.Sprint(i))
	}
	reader, err := log.Read(t.Context(), "test-reader", 21, events.Input{Source: "pbx", Name: "Add"}.Filter(events.AnyPartition))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if reader.Pending() != 40 {
		t.Errorf("%d pending, want 40", reader.Pending())
	}
	var all []eventlog.Message
	for len(all) < 40 {
		batch, err := reader.Batch(t.Context(), 7, 5*time.Second)
		if err != nil || len(batch) == 0 || len(batch) > 7 {
			t.Fatalf("a batch of %d, %v", len(batch), err)
		}
		all = append(all, batch...)
	}
	for i, m := range all {
		if want := uint64(21 + 2*i); m.Sequence != want || string(m.Data) != fmt.Sprint(10+i) {
			t.Fatalf("message %d is sequence %d (%s), want %d", i, m.Sequence, m.Data, want)
		}
	}
	if batch, err := reader.Batch(t.Context(), 7, 10*time.Millisecond); len(batch) != 0 || err != nil {
		t.Errorf("at the end: %d messages, %v", len(batch), err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reader.Batch(canceled, 7, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// Whatever may have made it miss a message ends a reader.
func TestReaderLosesItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(*servertest.NATSServer, jetstream.JetStream) error
	}{
		{"server restarted", func(s *servertest.NATSServer, _ jetstream.JetStream) error { s.Restart(); return nil }},
		{"consumer deleted", func(_ *servertest.NATSServer, js jetstream.JetStream) error {
			return js.DeleteConsumer(context.Background(), events.Stream, "test-reader")
		}},
		{"stream deleted", func(_ *servertest.NATSServer, js jetstream.JetStream) error {
			return js.DeleteStream(context.Background(), events.Stream)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, js, log := setup(t)
			publish(t, log, "softphone.pbx.acme.1001.Add", "", "1")
			reader, err := log.Read(t.Context(), "test-reader", 1, "log.>")
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			if batch, err := reader.Batch(t.Context(), 10, 5*time.Second); len(batch) != 1 || err != nil {
				t.Fatalf("%d messages, %v", len(batch), err)
			}
			if err := c.do(server, js); err != nil {
				t.Fatal(err)
			}
			for range 2 { // it stays broken
				if batch, err := reader.Batch(t.Context(), 10, 30*time.Second); !errors.Is(err, eventlog.ErrGap) {
					t.Fatalf("%d messages, %v; want ErrGap", len(batch), err)
				}
			}
		})
	}
}

// A dead letter is recorded once, with the original and the circumstances, also
// for the largest event.
func TestBury(t *testing.T) {
	t.Parallel()
	_, js, log := setup(t)
	state, err := log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", events.MaxSize)
	receipt := publish(t, log, "softphone.pbx.acme.1001.Add", "bad", body)
	event, err := log.Get(t.Context(), receipt.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	letter := eventlog.DeadLetter{
		Worker: "tally", Created: state.Created, Event: *event, Reason: errors.New("two\r\nlines and " + strings.Repeat("more ", 1000)),
		Attempts: 3, At: time.Now(),
	}
	for range 2 {
		if _, err := log.RecordDead(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
	}
	dead, err := js.Stream(t.Context(), events.DeadStream)
	if err != nil {
		t.Fatal(err)
	}
	if n := dead.CachedInfo().State.Msgs; n != 1 {
		t.Fatalf("%d dead letters, want 1", n)
	}
	m, err := dead.GetLastMsgForSubject(t.Context(), letter.Subject())
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Data) != body {
		t.Error("the body is not the original")
	}
	for header, want := range map[string]string{
		eventlog.HeaderDeadSubject: event.Subject, eventlog.HeaderDeadSequence: fmt.Sprint(event.Sequence),
		eventlog.HeaderDeadTenant: "acme", eventlog.HeaderDeadExtension: "1001", eventlog.HeaderDeadAttempts: "3",
	} {
		if got := m.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	if reason := m.Header.Get(eventlog.HeaderDeadReason); !strings.HasPrefix(reason, "two  lines") || len(reason) > 1100 {
		t.Errorf("the reason has %d bytes: %.40q", len(reason), reason)
	}
}

func TestAskWithoutAnswer(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	receipt, _, err := log.Ask(ctx, &nats.Msg{Subject: "softphone.pbx.acme.1001.Add", Header: nats.Header{}, Data: []byte("1")})
	if !errors.Is(err, eventlog.ErrNoAnswer) || receipt.Sequence == 0 {
		t.Errorf("%+v, %v; want a receipt and ErrNoAnswer", receipt, err)
	}
}

// Who is told to stop gets no more to do, however much is here.
func TestBatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	first := publish(t, log, "softphone.pbx.acme.1001.Add", "", "1")
	key := events.Extension{Tenant: "acme", Number: "1001"}
	reader, err := log.Read(t.Context(), "test", first.Sequence, events.PartitionFilter(key.Partition()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for reader.Behind() == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if batch, err := reader.Batch(ctx, 10, 30*time.Second); len(batch) > 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d messages, %v", len(batch), err)
	}
}
