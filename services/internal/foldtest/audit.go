// Package foldtest holds a running fold against an independent one.
//
// The audit reads the log with the client's own ordered consumer and folds it in
// memory, event by event, sharing nothing with package fold but the rules it is
// given: no batches, no checkpoint, no fence, no Redis. What the workers told and
// what Redis holds must equal what it finds.
package foldtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// remembered is how many facts of a key the contract says are known again.
const remembered = 16

// Report is what an audit found.
type Report struct {
	Inputs   int // events the worker reads
	Outcomes int // that it should have told

	Missing, Doubled, Wrong, Phantom int      // outcomes
	States                           []string // differences between Redis and the fold, one a key
	Examples                         []string // of wrong outcomes, a few

	// Behind is how many inputs lie after the checkpoints in Redis.
	Behind int
}

// Clean tells whether the worker did what it should have, and is done.
func (r Report) Clean() bool {
	return r.Missing+r.Doubled+r.Wrong+r.Phantom+len(r.States)+r.Behind == 0
}

func (r Report) String() string {
	return fmt.Sprintf("%d inputs, %d outcomes: %d missing, %d doubled, %d wrong, %d phantom, %d states differ, %d inputs behind\n%s\n%s",
		r.Inputs, r.Outcomes, r.Missing, r.Doubled, r.Wrong, r.Phantom, len(r.States), r.Behind,
		strings.Join(r.Examples, "\n"), strings.Join(r.States[:min(3, len(r.States))], "\n"))
}

// expected is what one key should have come to.
type expected[S any] struct {
	state  S
	recent []string
	last   uint64
}

// told is an outcome as the log has it.
type told struct {
	seq  uint64
	name string
	body []byte
}

// audit is one fold of the whole log.
type audit[S any] struct {
	rules  fold.Rules[S]
	keys   map[events.Extension]*expected[S]
	should map[uint64]told   // by the cause's sequence
	did    map[uint64][]told // the same
	inputs []uint64          // last input of each partition
	report Report
}

// Await audits until the report is clean or the time is up, and returns the last.
func Await[S any](t testing.TB, js jetstream.JetStream, client redis.UniversalClient, rules fold.Rules[S], within time.Duration) Report {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		began := time.Now()
		report := Audit(t, js, client, rules)
		if report.Clean() || time.Now().After(deadline) {
			return report
		}
		// The servers tell nobody when the last commit is done; and an audit is work
		// for them: not more than half of the time.
		time.Sleep(max(50*time.Millisecond, time.Since(began)))
	}
}

// Audit folds the log as it is now and compares.
func Audit[S any](t testing.TB, js jetstream.JetStream, client redis.UniversalClient, rules fold.Rules[S]) Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	a := &audit[S]{
		rules: rules, keys: map[events.Extension]*expected[S]{}, should: map[uint64]told{}, did: map[uint64][]told{},
		inputs: make([]uint64, events.Partitions),
	}
	if err := read(ctx, js, a.take); err != nil {
		t.Fatalf("audit: reading the log: %v", err)
	}
	a.compareOutcomes()
	if err := a.compareStates(ctx, client); err != nil {
		t.Fatalf("audit: reading Redis: %v", err)
	}
	return a.report
}

// read hands every message of the log to take, in order.
func read(ctx context.Context, js jetstream.JetStream, take func(eventlog.Message)) error {
	stream, err := js.Stream(ctx, events.Stream)
	if err != nil {
		return err
	}
	last := stream.CachedInfo().State.LastSeq
	if stream.CachedInfo().State.Msgs == 0 {
		return nil
	}
	consumer, err := js.OrderedConsumer(ctx, events.Stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		take(eventlog.Message{
			Subject: m.Subject(), Sequence: meta.Sequence.Stream, Time: meta.Timestamp, Header: m.Headers(), Data: m.Data(),
		})
		if meta.Sequence.Stream >= last || meta.NumPending == 0 {
			return nil
		}
	}
}

func (a *audit[S]) take(m eventlog.Message) {
	if m.OutcomeOf(a.rules.Worker) {
		cause, err := strconv.ParseUint(m.Header.Get(events.HeaderCause), 10, 64)
		if err != nil {
			a.report.Phantom++
			return
		}
		a.did[cause] = append(a.did[cause], told{seq: m.Sequence, name: m.Name(), body: m.Data})
		return
	}
	if slices.Contains(a.rules.Inputs, m.Input()) {
		a.fold(m)
	}
}

func (a *audit[S]) fold(m eventlog.Message) {
	a.report.Inputs++
	a.inputs[m.Extension().Partition()] = m.Sequence
	event, err := m.Decode()
	if err != nil {
		return
	}
	k := a.keys[m.Extension()]
	if k == nil {
		k = &expected[S]{}
		a.keys[m.Extension()] = k
	}
	if events.IsFactSource(m.Source()) && slices.Contains(k.recent, event.ID) {
		return
	}
	next, decision, panicked := decide(a.rules, k.state, event)
	if panicked {
		return
	}
	if decision.Outcome != nil {
		body, err := events.NewOutcome(a.rules.Worker, event.Event, decision.Outcome).Encode()
		if err != nil {
			return
		}
		a.should[m.Sequence] = told{name: decision.Outcome.EventName(), body: body}
		a.report.Outcomes++
	}
	k.state, k.last = next, m.Sequence
	if events.IsFactSource(m.Source()) {
		k.recent = append(k.recent, event.ID)
		k.recent = k.recent[max(0, len(k.recent)-remembered):]
	}
}

func decide[S any](rules fold.Rules[S], state S, event events.Recorded) (next S, d fold.Decision, panicked bool) {
	defer func() {
		if recover() != nil {
			panicked = true
		}
	}()
	next, d = rules.Decide(state, event)
	return next, d, false
}

func (a *audit[S]) compareOutcomes() {
	for cause, want := range a.should {
		switch got := a.did[cause]; {
		case len(got) == 0:
			a.report.Missing++
			a.example("missing: %s on %d", want.name, cause)
		case len(got) > 1:
			a.report.Doubled++
			a.example("doubled: %s on %d, at %d and %d", want.name, cause, got[0].seq, got[1].seq)
		case !bytes.Equal(got[0].body, want.body):
			a.report.Wrong++
			a.example("wrong: on %d told %s, should be %s", cause, got[0].body, want.body)
		}
	}
	for cause, got := range a.did {
		if _, should := a.should[cause]; !should {
			a.report.Phantom += len(got)
			a.example("phantom: %s on %d, at %d", got[0].name, cause, got[0].seq)
		}
	}
}

func (a *audit[S]) example(format string, args ...any) {
	if len(a.report.Examples) < 5 {
		a.report.Examples = append(a.report.Examples, fmt.Sprintf(format, args...))
	}
}

// compareStates holds every key's hash in Redis against the fold.
func (a *audit[S]) compareStates(ctx context.Context, client redis.UniversalClient) error {
	for partition, last := range a.inputs {
		seq, err := client.HGet(ctx, redisKey(a.rules.Worker, partition, "checkpoint"), "seq").Uint64()
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		if seq != last {
			a.report.Behind++
		}
	}
	for x, want := range a.keys {
		if want.last == 0 {
			continue // nothing but dead letters
		}
		name := redisKey(a.rules.Worker, x.Partition(), x.Tenant+":"+x.Number)
		got, err := client.HGetAll(ctx, name).Result()
		if err != nil {
			return err
		}
		if diff := cmp.Diff(fields(want.last, a.rules.Save(want.state)), without(got, "recent")); diff != "" {
			a.report.States = append(a.report.States, fmt.Sprintf("%s (-should +is):\n%s", name, diff))
		}
	}
	return nil
}

// fields is the hash a key should have, without the marks of its recent facts.
func fields(last uint64, saved fold.Fields) map[string]string {
	all := map[string]string{"seq": strconv.FormatUint(last, 10)}
	for i := 0; i+1 < len(saved); i += 2 {
		all[saved[i]] = saved[i+1]
	}
	return all
}

func redisKey(worker string, partition int, rest string) string {
	return fmt.Sprintf("softphone:{p%d}:%s:%s", partition, worker, rest)
}

func without(fields map[string]string, name string) map[string]string {
	delete(fields, name)
	return fields
}
