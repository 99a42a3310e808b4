package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// fill publishes so many facts each of enough tenants to be in all partitions, a
// fence between them, and returns the sequences of each partition.
func fill(t *testing.T, log *eventlog.Log, each int) (sequences [events.Partitions][]uint64) {
	t.Helper()
	at := uint64(0)
	for range each {
		for key := range 100 {
			publish(t, log, fmt.Sprintf("softphone.pbx.acme-%d.1001.Add", key), "", "1")
			at++
			p := events.PartitionOf(fmt.Sprintf("acme-%d", key))
			sequences[p] = append(sequences[p], at)
		}
		publish(t, log, "fence.test.3", "", "me")
		at++
	}
	return sequences
}

// readAll starts readers of some partitions at once.
func readAll(t *testing.T, feed *eventlog.Feed, partitions int, from uint64) (readers []*eventlog.Reader) {
	t.Helper()
	readers = make([]*eventlog.Reader, partitions)
	var group sync.WaitGroup
	for p := range readers {
		group.Go(func() {
			var err error
			if readers[p], err = feed.Read(t.Context(), p, from); err != nil {
				t.Errorf("partition %d: %v", p, err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return readers
}

// drain reads to the error that ends a reader.
func drain(t *testing.T, r *eventlog.Reader, limit int) (sequences []uint64, end error) {
	t.Helper()
	for {
		batch, err := r.Batch(t.Context(), limit, time.Minute)
		if err != nil {
			return sequences, err
		}
		if len(batch) == 0 || len(batch) > limit {
			t.Fatalf("a batch of %d, the limit is %d", len(batch), limit)
		}
		for _, m := range batch {
			sequences = append(sequences, m.Sequence)
		}
	}
}

func feeds(t *testing.T, js jetstream.JetStream) (names []string) {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	for name := range stream.ConsumerNames(t.Context()).Name() {
		if strings.HasPrefix(name, "test-feed-") {
			names = append(names, name)
		}
	}
	return names
}

// Each partition gets all of its own from where it wants, in order, from one
// consumer, and is told when the end is reached.
func TestFeed(t *testing.T) {
	t.Parallel()
	_, js, log := setup(t)
	want := fill(t, log, 12)
	const from = 150
	readers := readAll(t, eventlog.NewFeed(log, "test", 512), events.Partitions, from)
	if got := feeds(t, js); len(got) != 1 {
		t.Errorf("%d consumers for all partitions, want 1: %v", len(got), got)
	}
	for p, reader := range readers {
		got, err := drain(t, reader, 7+p)
		if !errors.Is(err, eventlog.ErrCaughtUp) {
			t.Errorf("partition %d ended with %v", p, err)
		}
		all := slices.DeleteFunc(want[p], func(s uint64) bool { return s < from })
		if !slices.Equal(got, all) {
			t.Errorf("partition %d: %v, want %v", p, got, all)
		}
		reader.Close()
	}
}

// Few partitions do not read what is not theirs, and are told of the end as well,
// also where there is nothing to read.
func TestFeedOfFew(t *testing.T) {
	t.Parallel()
	_, js, log := setup(t)
	want := fill(t, log, 3)
	feed := eventlog.NewFeed(log, "test", 512)
	for p, reader := range readAll(t, feed, 2, 1) {
		if got, err := drain(t, reader, 1000); !errors.Is(err, eventlog.ErrCaughtUp) || !slices.Equal(got, want[p]) {
			t.Errorf("partition %d: %v, %v; want %v", p, got, err, want[p])
		}
		reader.Close()
	}
	if got := feeds(t, js); len(got) != 2 {
		t.Errorf("%d consumers for two partitions: %v", len(got), got)
	}
	for _, partitions := range []int{1, events.Partitions} {
		for p, reader := range readAll(t, feed, partitions, 100_000) {
			if got, err := drain(t, reader, 1000); !errors.Is(err, eventlog.ErrCaughtUp) || len(got) > 0 {
				t.Errorf("partition %d of %d, from the log's end: %v, %v", p, partitions, got, err)
			}
			reader.Close()
		}
	}
}

// A partition that takes nothing holds up the others for a while, and then has
// lost its place.
func TestFeedLeavesTheStuckBehind(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	want := fill(t, log, 120) // 12,000 facts, more of a partition than its reader keeps
	readers := readAll(t, eventlog.NewFeed(log, "test", 512), events.Partitions, 1)
	stuck := 0
	for p := range want {
		if len(want[p]) > len(want[stuck]) {
			stuck = p
		}
	}
	var group sync.WaitGroup
	for p, reader := range readers {
		if p == stuck {
			continue
		}
		group.Go(func() {
			if got, err := drain(t, reader, 512); !errors.Is(err, eventlog.ErrCaughtUp) || !slices.Equal(got, want[p]) {
				t.Errorf("partition %d: %d messages of %d, %v", p, len(got), len(want[p]), err)
			}
		})
	}
	group.Wait()
	got, err := drain(t, readers[stuck], 512)
	if !errors.Is(err, eventlog.ErrGap) || !slices.Equal(got, want[stuck][:len(got)]) {
		t.Errorf("the stuck one: %d messages of %d, %v", len(got), len(want[stuck]), err)
	}
}

func TestFeedLosesItsPlace(t *testing.T) {
	t.Parallel()
	server, _, log := setup(t)
	fill(t, log, 100)
	readers := readAll(t, eventlog.NewFeed(log, "test", 512), events.Partitions, 1)
	server.Restart()
	for p, reader := range readers {
		if _, err := drain(t, reader, 512); !errors.Is(err, eventlog.ErrGap) {
			t.Errorf("partition %d: %v, want ErrGap", p, err)
		}
	}
}

func TestFeedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	_, _, log := setup(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eventlog.NewFeed(log, "test", 512).Read(canceled, 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
