package replay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, nil) }

// The rules of these tests: a worker counts the facts of an extension and publishes every count.

const worker = events.License

func rules() fold.Rules[int] {
	return fold.Rules[int]{
		Worker: worker, Inputs: events.Inputs(events.SoftphoneDisabled{}),
		Decide: func(n int, e events.Recorded) (int, fold.Decision) {
			return n + 1, fold.Decision{Outcome: events.LicenseRevoked{LicenseID: e.ID, Generation: n + 1}}
		},
		Load: func(fields map[string]string) (int, error) { return strconv.Atoi(fields["n"]) },
		Save: func(n int) fold.Fields { return fold.Fields{"n", strconv.Itoa(n)} },
	}
}

// system is a log and a Redis.
type system struct {
	t      *testing.T
	server *servertest.NATSServer
	js     jetstream.JetStream
	log    *eventlog.Log
	rdb    *redis.Client
}

func newSystem(t *testing.T) *system {
	t.Helper()
	server := servertest.NATS(t)
	s := &system{t: t, server: server, js: server.JetStream(t), rdb: servertest.Redis(t).Client(t)}
	if err := eventlog.Ensure(t.Context(), s.js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.log, err = eventlog.Open(t.Context(), server.Connect(t, nats.ReconnectBufSize(-1))); err != nil {
		t.Fatal(err)
	}
	return s
}

// add publishes messages, several at once.
func (s *system) add(all []*nats.Msg) {
	s.t.Helper()
	for len(all) > 0 {
		n := min(500, len(all))
		if _, err := jetstreamext.PublishMsgBatch(s.t.Context(), s.js, all[:n]); err != nil {
			s.t.Fatal(err)
		}
		all = all[n:]
	}
}

// fact is fact n of an extension.
func fact(key, n int) events.Event {
	return events.Event{
		ID: fmt.Sprintf("019b0000-0000-7000-8000-%04x%08x", key, n), Source: events.PBX, Time: time.Unix(1767225600, 0).UTC(),
		Extension: events.Extension{Tenant: fmt.Sprintf("acme-%d", key), Number: "1001"}, Data: events.SoftphoneDisabled{},
	}
}

func message(e events.Event, header nats.Header) *nats.Msg {
	body, err := e.Encode()
	if err != nil {
		panic(err)
	}
	return &nats.Msg{Subject: e.Subject(), Data: body, Header: header}
}

func added(key, n int) *nats.Msg { return message(fact(key, n), nats.Header{}) }

// counted is the outcome n of the fact at a sequence, in a log with nothing but facts of the extension before it.
func counted(key, n, cause int) *nats.Msg {
	of := fact(key, cause-1)
	return message(events.NewOutcome(worker, of, events.LicenseRevoked{LicenseID: of.ID, Generation: n}), nats.Header{events.HeaderCause: {strconv.Itoa(cause)}})
}

// fold lets the worker run until it has folded everything.
func (s *system) fold() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	var owners sync.WaitGroup
	for p := range events.Partitions {
		owners.Go(func() {
			c := fold.Config{Log: s.log, Redis: s.rdb, Owner: "test", Logger: zerolog.Nop()}
			_ = fold.Run(ctx, c, rules(), p, func(context.Context) error { return nil })
		})
	}
	report := foldtest.Await(s.t, s.js, s.rdb, rules(), time.Minute)
	cancel()
	owners.Wait()
	if !report.Clean() {
		s.t.Fatalf("the worker is not done: %v", report)
	}
}

// check is what an inspection of all partitions tells.
type check struct {
	replay.Check
	found []string
	done  []int
}

func (s *system) check(short uint64) *check {
	c := &check{Check: replay.Check{Log: s.log, Redis: s.rdb, Short: short}}
	for p := range events.Partitions {
		c.Partitions = append(c.Partitions, p)
	}
	c.Found = func(f replay.Finding) {
		c.found = append(c.found, fmt.Sprintf("%s %s %d %s", f.Kind, f.Key, f.Sequence, f.Detail))
	}
	c.Done = func(p int, _ replay.Summary) error { c.done = append(c.done, p); return nil }
	return c
}

// In one pass or in several: all partitions are compared, and what is wrong is found.
func TestState(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	var all []*nats.Msg
	for n := range 3 {
		for key := range 100 {
			all = append(all, added(key, n))
		}
	}
	s.add(all)
	s.fold()
	wrong := events.PartitionOf("acme-7")
	set := func(key string, values ...any) {
		if err := s.rdb.HSet(t.Context(), fmt.Sprintf("softphone:{p%d}:%s:acme-7:%s", wrong, worker, key), values...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("1001", "n", 4)
	set("stray", "seq", 1, "n", 1)
	for _, short := range []uint64{0, 1} {
		c := s.check(short)
		summary, err := replay.State(t.Context(), c.Check, rules())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(replay.Summary{Events: 300, Compared: 101, Differences: 2}, summary); diff != "" {
			t.Errorf("short %d (-want +got):\n%s", short, diff)
		}
		found := strings.Join(c.found, "\n")
		if !strings.Contains(found, "differs acme-7/1001 ") || !strings.Contains(found, "stray acme-7/stray ") || len(c.done) != events.Partitions {
			t.Errorf("short %d: partitions %v, found\n%s", short, c.done, found)
		}
	}
}

// Where many events are between causes and their outcomes, what is wrong with these
// is found all the same.
func TestDecisionsOfABacklog(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	const key, facts = 1, 2000
	var all []*nats.Msg
	for n := range facts {
		all = append(all, added(key, n))
	}
	for n := 1; n <= facts; n++ {
		switch n {
		case 10, 1500: // missing
		case 20, 1600:
			all = append(all, counted(key, n+1, n))
		default:
			all = append(all, counted(key, n, n))
		}
	}
	s.add(all)
	for _, short := range []uint64{0, 1} {
		c := s.check(short)
		summary, err := replay.Decisions(t.Context(), c.Check, rules())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(replay.Summary{Events: facts, Compared: facts - 2, Differences: 4}, summary); diff != "" {
			t.Errorf("short %d (-want +got):\n%s", short, diff)
		}
		if diff := cmp.Diff([]string{
			"missing acme-1/1001 10 LicenseRevoked should have been published for SoftphoneDisabled",
			"wrong acme-1/1001 20 the outcome of SoftphoneDisabled, at sequence 2019",
			"missing acme-1/1001 1500 an outcome should have been published for SoftphoneDisabled",
			"wrong acme-1/1001 1600 the outcome of SoftphoneDisabled, at sequence 3598",
		}, c.found); diff != "" {
			t.Errorf("short %d, found (-want +got):\n%s", short, diff)
		}
		if len(c.done) != events.Partitions {
			t.Errorf("short %d: partitions %v", short, c.done)
		}
	}
}

// Who is interrupted says nothing of what was not read.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	const facts = 2000
	var all []*nats.Msg
	for n := range facts {
		all = append(all, added(1, n))
	}
	for n := 1; n <= facts; n++ {
		all = append(all, counted(1, n, n))
	}
	s.add(all)
	ctx, interrupt := context.WithCancel(t.Context())
	c := s.check(0)
	c.Folded = func(int) { interrupt() }
	_, err := replay.Decisions(ctx, c.Check, rules())
	if !errors.Is(err, context.Canceled) || len(c.found) > 0 || slices.Contains(c.done, events.PartitionOf("acme-1")) {
		t.Errorf("interrupted: %v, partitions %v, found %v", err, c.done, c.found)
	}
}

// The log's server is away for a while in the middle: what is compared is compared
// all the same.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	const facts = 3000
	var all []*nats.Msg
	for n := range facts {
		all = append(all, added(1, n))
	}
	s.add(all)
	s.fold()
	for name, inspect := range map[string]func(context.Context, replay.Check) (replay.Summary, error){
		"states": func(ctx context.Context, c replay.Check) (replay.Summary, error) {
			return replay.State(ctx, c, rules())
		},
		"decisions": func(ctx context.Context, c replay.Check) (replay.Summary, error) {
			return replay.Decisions(ctx, c, rules())
		},
	} {
		away, done := make(chan struct{}), make(chan error, 1)
		c := s.check(0)
		c.Folded = func(int) {
			if away != nil {
				s.server.Stop()
				close(away)
				away = nil
			}
		}
		gone := away
		var sum replay.Summary
		go func() {
			var err error
			sum, err = inspect(t.Context(), c.Check)
			done <- err
		}()
		<-gone
		time.Sleep(2 * time.Second) // how long it is away
		s.server.Start()
		if err := <-done; err != nil || sum.Events != facts || sum.Differences != 0 {
			t.Errorf("%s: %v, %+v, %v", name, err, sum, c.found)
		}
	}
}
