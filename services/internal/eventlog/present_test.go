package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

const added = "log.*.pbx.acme.1001.Add"

// What is looked up on account of an event that the leader does not have yet is not
// answered, and is as soon as it has it.
func TestReadThatIsBehind(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	last := publish(t, log, "softphone.pbx.acme.1001.Add", "", "1").Sequence
	for name, look := range map[string]func(sequence uint64) error{
		"at": func(sequence uint64) error { _, err := log.At(t.Context(), sequence); return err },
		"last": func(sequence uint64) error {
			m, err := log.LastFrom(t.Context(), added, sequence)
			if err == nil && m.Sequence < sequence {
				t.Errorf("the last is at %d, asked for it from %d on", m.Sequence, sequence)
			}
			return err
		},
		"as of": func(sequence uint64) error { return log.AsOf(t.Context(), sequence, func() error { return nil }) },
	} {
		if err := look(last); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := look(last + 1); !errors.Is(err, eventlog.ErrBehind) {
			t.Errorf("%s: %v, want %v", name, err, eventlog.ErrBehind)
		}
		published := make(chan struct{})
		time.AfterFunc(100*time.Millisecond, func() {
			defer close(published)
			publish(t, log, "softphone.pbx.acme.1001.Add", "", "2")
		})
		if err := look(last + 1); err != nil {
			t.Errorf("%s, when it comes a moment later: %v", name, err)
		}
		<-published
		last++
	}
}

// A read that is not behind costs no look-up more when the log is known to go so far.
func TestReadAsOfWhatIsKnown(t *testing.T) {
	t.Parallel()
	server, _, log := setup(t)
	last := publish(t, log, "softphone.pbx.acme.1001.Add", "", "1").Sequence
	conn := log.Conn()
	sent := func(log *eventlog.Log) uint64 {
		t.Helper()
		before := log.Conn().Stats().OutMsgs
		if err := log.AsOf(t.Context(), last, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		return log.Conn().Stats().OutMsgs - before
	}
	if n := sent(log); n != 0 {
		t.Errorf("%d requests after an acknowledgement, want none", n)
	}
	other, err := eventlog.Open(t.Context(), server.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	if n := sent(other); n != 1 {
		t.Errorf("%d requests on another connection, want 1", n)
	}
	if n := sent(other); n != 0 {
		t.Errorf("%d requests the second time, want none", n)
	}
	server.Restart()
	for end := time.Now().Add(time.Minute); conn.Stats().Reconnects == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not connect again")
		}
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := log.LastOf(t.Context(), added); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the log does not answer again")
		}
	}
	// That answer shows how far it goes on this connection.
	if n := sent(log); n != 0 {
		t.Errorf("%d requests after a look-up, want none", n)
	}
}

// A connection that is lost while a read goes on may have had it answered by a server
// that is cut off: it is run again.
func TestReadOverTwoConnections(t *testing.T) {
	t.Parallel()
	server, _, log := setup(t)
	last := publish(t, log, "softphone.pbx.acme.1001.Add", "", "1").Sequence
	runs := 0
	err := log.AsOf(t.Context(), last, func() error {
		if runs++; runs > 1 {
			return nil
		}
		server.Restart()
		for end := time.Now().Add(time.Minute); log.Conn().Stats().Reconnects == 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it does not connect again")
			}
		}
		return nil
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs, %v; want 2", runs, err)
	}
}

// What was erased is not there, and that is an answer. What was deleted by hand is a fault,
// although the server has it on record.
func TestReadOfWhatWasDeleted(t *testing.T) {
	t.Parallel()
	_, js, log := setup(t)
	first := publish(t, log, "softphone.pbx.acme.1001.Add", "", "1").Sequence
	second := publish(t, log, "softphone.pbx.acme.1001.Add", "", "2").Sequence
	third := publish(t, log, "softphone.pbx.acme.1002.Add", "", "3").Sequence
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, sequence := range []uint64{first, second, third} {
		if err := stream.DeleteMsg(t.Context(), sequence); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := log.At(t.Context(), second); !errors.Is(err, eventlog.ErrMissing) {
		t.Errorf("deleted by hand: %v, %v; want %v", m, err, eventlog.ErrMissing)
	}
	erase(t, log, second)
	erase(t, log, first)
	if m, err := log.At(t.Context(), second); m != nil || err != nil {
		t.Errorf("at it: %v, %v", m, err)
	}
	if m, err := log.LastFrom(t.Context(), added, second); m != nil || err != nil {
		t.Errorf("the last is %v, %v; want none", m, err)
	}
	if m, err := log.At(t.Context(), third); !errors.Is(err, eventlog.ErrMissing) {
		t.Errorf("not of an erasure: %v, %v; want %v", m, err, eventlog.ErrMissing)
	}
	if m, err := log.LastFrom(t.Context(), "log.*.pbx.acme.1002.Add", third); !errors.Is(err, eventlog.ErrMissing) {
		t.Errorf("the last of it is %v, %v; want %v", m, err, eventlog.ErrMissing)
	}
}

// erase stores an erasure of one place in the log.
func erase(t *testing.T, log *eventlog.Log, sequence uint64) {
	t.Helper()
	marker := events.NewFact(events.Extension{Tenant: "acme", Number: "1001"},
		events.ExtensionErased{By: "the officer", Messages: 1, Sequences: strconv.FormatUint(sequence, 10)})
	marker.Source = events.Operator
	body, err := marker.Encode()
	if err != nil {
		t.Fatal(err)
	}
	publish(t, log, marker.Subject(), marker.ID, string(body))
}

// A store that cannot be read answers as if there were nothing.
func TestReadOfADamagedStore(t *testing.T) {
	t.Parallel()
	server, _, log := setup(t)
	damaged := publish(t, log, "softphone.pbx.acme.1001.Add", "", "the one that is damaged").Sequence
	publish(t, log, "softphone.pbx.acme.1002.Add", "", "another")
	server.Stop()
	blocks, err := filepath.Glob(filepath.Join(server.Dir(), "jetstream", "*", "streams", events.Stream, "msgs", "*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatalf("%q, %v", blocks, err)
	}
	server.Start()
	data, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte("the one that"))
	data[at] = 'T'
	if err := os.WriteFile(blocks[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		m, err := log.At(ctx, damaged)
		cancel()
		if errors.Is(err, eventlog.ErrMissing) {
			return
		}
		if m == nil && err == nil || time.Now().After(end) { // it may be in the server's memory for a while
			t.Fatalf("%v, %v; want %v", m, err, eventlog.ErrMissing)
		}
	}
}

// A log that ends before what it had is said to do so, not to be behind: one server
// can lose its tail, and cannot be behind.
func TestStateOfALogThatLostItsTail(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	last := publish(t, log, "softphone.pbx.acme.1001.Add", "", "1").Sequence
	if state, err := log.StateAsOf(t.Context(), last+5); err != nil || state.Last != last || state.Quorum != 0 {
		t.Errorf("%+v, %v", state, err)
	}
}
