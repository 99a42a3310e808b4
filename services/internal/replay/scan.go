package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// everything matches all events, and no fences.
const everything = "log.>"

// Range is a part of the log. The server filters: it sends only what is in the range.
type Range struct {
	Filters      []string  // stored subjects, six tokens each if there are several; none: everything
	From, To     uint64    // sequences, both inclusive; 0: the log's first and last
	Since, Until time.Time // when the server stored a message, both inclusive; zero: any
	Limit        uint64    // messages; 0: no limit
	Follow       bool      // continue with new messages, until the context ends
}

// ErrStop ends a scan early, without an error.
var ErrStop = errors.New("stop scanning")

const (
	batch       = 512
	readTimeout = 5 * time.Second // how long a scan waits for messages that must come

	// retries bounds how often in a row a scan loses its position.
	retries    = 10
	retryPause = 500 * time.Millisecond
)

// Scan calls each with the messages of a range, in order and once, up to the end of the log when it starts. It
// survives a lost connection, as long as the connection reconnects.
func Scan(ctx context.Context, log *eventlog.Log, r Range, each func(eventlog.Message) error) error {
	s := scan{Range: r, log: log, each: each, next: max(1, r.From)}
	s.cover = cover(s.Filters)
	if !s.Follow && s.To == 0 {
		state, err := log.State(ctx)
		if err != nil {
			return err
		}
		s.To = state.Last
	}
	err := persist(ctx, &s.next, func() error { return s.read(ctx) })
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// unopenedError says that a reader could not be opened.
type unopenedError struct{ error }

func (u unopenedError) Unwrap() error { return u.error }

// persist reads again when a reader has lost its position, as long as there is progress. A server that comes back may
// not be ready when the next reader is opened.
func persist(ctx context.Context, next *uint64, read func() error) error {
	for failures := 0; ; {
		before := *next
		err := read()
		_, unopened := errors.AsType[unopenedError](err)
		if lost := errors.Is(err, eventlog.ErrGap) || unopened && failures > 0; !lost || ctx.Err() != nil {
			return err
		}
		if failures++; *next > before {
			failures = 1
		}
		if failures > retries {
			return fmt.Errorf("reading from sequence %d: %w", *next, err)
		}
		if err := sleep(ctx, retryPause); err != nil {
			return err
		}
	}
}

type scan struct {
	Range

	cover string // what the server filters by
	log   *eventlog.Log
	each  func(eventlog.Message) error
	next  uint64 // the first sequence not seen
	seen  uint64 // number of messages
}

// read reads until the end of the range, or of the reader.
func (s *scan) read(ctx context.Context) error {
	if !s.Follow && s.next > s.To {
		return nil
	}
	if err := reconnected(ctx, s.log); err != nil {
		return err
	}
	reader, err := s.open(ctx)
	if err != nil {
		return unopenedError{err}
	}
	defer reader.Close()
	for left := reader.Pending(); s.Follow || left > 0; {
		messages, err := reader.Batch(ctx, batch, readTimeout)
		if err != nil {
			return err
		}
		if len(messages) == 0 && !s.Follow {
			return fmt.Errorf("%w: nothing came for %s", eventlog.ErrGap, readTimeout)
		}
		for _, m := range messages {
			if err := s.take(m); err != nil {
				return err
			}
		}
		left -= min(left, uint64(len(messages)))
	}
	return nil
}

// reconnected waits for the connection, until the connection gives up.
func reconnected(ctx context.Context, log *eventlog.Log) error {
	for log.JetStream().Conn().IsReconnecting() {
		if err := sleep(ctx, retryPause); err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) open(ctx context.Context) (*eventlog.Reader, error) {
	filters := []string{s.cover}
	if s.cover == everything {
		filters = nil // ten times as fast as filtering; see wanted
	}
	if s.next <= 1 && !s.Since.IsZero() {
		return s.log.ReadSince(ctx, readerName(), s.Since, filters...)
	}
	return s.log.Read(ctx, readerName(), s.next, filters...)
}

// cover is the narrowest single filter that covers some filters. With several filters the server looks at all its
// subjects for every message: over 5,000 extensions it delivered 1,500 messages a second, with one filter 64,000
// (nats-server 2.15.2).
func cover(filters []string) string {
	if len(filters) == 0 {
		return everything
	}
	common := strings.Split(filters[0], ".")
	for _, filter := range filters[1:] {
		tokens := strings.Split(filter, ".")
		if len(tokens) != len(common) {
			return everything
		}
		for i, token := range tokens {
			if token != common[i] {
				common[i] = "*"
			}
		}
	}
	return strings.Join(common, ".")
}

// wanted reports whether a message matches one of the filters.
func (s *scan) wanted(m eventlog.Message) bool {
	switch len(s.Filters) {
	case 0:
		return strings.HasPrefix(m.Subject, "log.")
	case 1:
		return s.cover != everything || strings.HasPrefix(m.Subject, "log.") // the server has filtered the rest
	}
	return slices.ContainsFunc(s.Filters, func(filter string) bool { return matches(filter, m.Subject) })
}

// matches reports whether a filter, which has no ">", matches a subject.
func matches(filter, subject string) bool {
	for filter != "" || subject != "" {
		var want, is string
		want, filter, _ = strings.Cut(filter, ".")
		is, subject, _ = strings.Cut(subject, ".")
		if want != is && want != "*" {
			return false
		}
	}
	return true
}

// reader is the prefix of consumers' names, for operations.
const reader = "replay"

func readerName() string { return reader + "-" + nuid.Next() }

func (s *scan) take(m eventlog.Message) error {
	switch {
	case s.To > 0 && m.Sequence > s.To, !s.Until.IsZero() && m.Time.After(s.Until):
		return ErrStop
	case m.Time.Before(s.Since), !s.wanted(m):
		s.next = m.Sequence + 1
		return nil
	}
	if err := s.each(m); err != nil {
		return err
	}
	s.next = m.Sequence + 1
	if s.seen++; s.Limit > 0 && s.seen >= s.Limit {
		return ErrStop
	}
	return nil
}

// Count is the number of messages of a range now, as far as the server knows without reading them: it ignores To and
// Until.
func Count(ctx context.Context, log *eventlog.Log, r Range) (uint64, error) {
	config := jetstream.ConsumerConfig{
		Name: readerName(), FilterSubjects: r.Filters, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: readTimeout,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(1, r.From),
	}
	if r.From <= 1 && !r.Since.IsZero() {
		config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &r.Since
	}
	if len(config.FilterSubjects) == 0 {
		config.FilterSubjects = []string{everything}
	}
	return pending(ctx, log.JetStream(), events.Stream, config)
}

// pending creates a consumer only to learn how many messages it would deliver.
func pending(ctx context.Context, js jetstream.JetStream, stream string, config jetstream.ConsumerConfig) (uint64, error) {
	consumer, err := js.CreateConsumer(ctx, stream, config)
	if err != nil {
		return 0, fmt.Errorf("counting messages of %s: %w", stream, err)
	}
	n := consumer.CachedInfo().NumPending
	if err := js.DeleteConsumer(ctx, stream, config.Name); err != nil {
		return n, fmt.Errorf("counting messages of %s: %w", stream, err)
	}
	return n, nil
}

// Hole counts the messages missing from a log.
type Hole struct {
	Messages uint64 // how many
	First    uint64 // the first missing sequence
}

// Holes counts the messages deleted from the log.
func Holes(ctx context.Context, log *eventlog.Log) (Hole, error) {
	stream, err := log.JetStream().Stream(ctx, events.Stream)
	if err != nil {
		return Hole{}, fmt.Errorf("asking for stream %s: %w", events.Stream, err)
	}
	state := stream.CachedInfo().State
	hole := Hole{Messages: uint64(state.NumDeleted)}
	if state.FirstSeq > 1 {
		hole.Messages += state.FirstSeq - 1
		hole.First = 1
	}
	if hole.First != 0 || hole.Messages == 0 {
		return hole, nil
	}
	info, err := stream.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return Hole{}, fmt.Errorf("asking what was deleted from stream %s: %w", events.Stream, err)
	}
	if deleted := info.State.Deleted; len(deleted) > 0 {
		hole.First = deleted[0]
	}
	return hole, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
