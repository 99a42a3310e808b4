package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
)

// MaxMessage is the largest message the log takes, headers included, in bytes: an event of events.MaxSize, room for
// its headers, and for those of its dead letter.
const MaxMessage = 72 << 10

// DuplicateWindow is how long the server recognizes a repeated Nats-Msg-Id. After that, package fold does.
const DuplicateWindow = time.Hour

// Layout is what differs between installations. The zero value is a log on a single server.
type Layout struct {
	Replicas        int           // copies of each message; 0 means 1
	DuplicateWindow time.Duration // 0 means [DuplicateWindow]; tests use a shorter one

	// FastBatches lets workers publish many outcomes in fast batches instead of atomic ones. Use it on servers that do
	// not sync always: there an atomic batch flushes files that nothing else does, and a fast one is two to four times
	// as fast (16 writers: 77,000 messages a second against 20,000 to 30,000). On servers that sync always it flushes
	// every message, and has a tenth of the speed of atomic batches.
	FastBatches bool
}

// Ensure creates the log and its dead letters, or changes them to this layout. It needs an administrator's rights;
// workers only [Open]. A stream that may have dropped events is refused with [ErrUnfit].
func Ensure(ctx context.Context, js jetstream.JetStream, layout Layout) error {
	config := layout.stream()
	if have, err := js.Stream(ctx, config.Name); err == nil {
		if err := fit(have.CachedInfo().Config); err != nil {
			return err
		}
	} else if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("looking for stream %s: %w", config.Name, err)
	}
	if _, err := js.CreateOrUpdateStream(ctx, config); err != nil {
		return fmt.Errorf("setting up stream %s: %w", config.Name, err)
	}
	if _, err := js.CreateOrUpdateStream(ctx, layout.dead()); err != nil {
		return fmt.Errorf("setting up stream %s: %w", events.DeadStream, err)
	}
	return nil
}

func (l Layout) stream() jetstream.StreamConfig {
	window := l.DuplicateWindow
	if window == 0 {
		window = DuplicateWindow
	}
	return jetstream.StreamConfig{
		Name:               events.Stream,
		Description:        "Everything that happened: facts and the outcomes workers made of them.",
		Subjects:           []string{events.PublishSubject("*", "*", "*", "*"), events.FenceSubject("*", events.AnyPartition)},
		SubjectTransform:   transform(),
		Retention:          jetstream.LimitsPolicy,
		Storage:            jetstream.FileStorage,
		Replicas:           max(1, l.Replicas),
		MaxMsgSize:         MaxMessage,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgsPerSubject:  -1,
		Duplicates:         window,
		AllowAtomicPublish: true,
		AllowBatchPublish:  l.FastBatches,
		AllowDirect:        false,
	}
}

func transform() *jetstream.SubjectTransformConfig {
	return &jetstream.SubjectTransformConfig{
		Source:      events.PublishSubject("*", "*", "*", "*"),
		Destination: events.TransformedSubject(),
	}
}

// dead is the stream of dead letters. It has one message per subject and refuses a second one, so that one failure is
// recorded once, however often it happens.
func (l Layout) dead() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                 events.DeadStream,
		Description:          "Events that could not be processed, with the reason.",
		Subjects:             []string{events.DeadFilter("*")},
		Retention:            jetstream.LimitsPolicy,
		Storage:              jetstream.FileStorage,
		Replicas:             max(1, l.Replicas),
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxMsgsPerSubject:    1,
	}
}

// fit checks that a stream can be the log: it has dropped nothing, stores events where readers look for them, and its
// leader answers look-ups.
func fit(have jetstream.StreamConfig) error {
	var faults []string
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	fault(have.MaxAge != 0, "max_age is %s, must be none", have.MaxAge)
	fault(have.MaxMsgs > 0, "max_msgs is %d, must be none", have.MaxMsgs)
	fault(have.MaxBytes > 0, "max_bytes is %d, must be none", have.MaxBytes)
	fault(have.MaxMsgsPerSubject > 0, "max_msgs_per_subject is %d, must be none", have.MaxMsgsPerSubject)
	fault(have.AllowRollup, "allow_rollup_hdrs is on, must be off: a message could remove those before it")
	fault(have.AllowMsgTTL, "allow_msg_ttl is on, must be off: a message could remove itself")
	fault(have.Retention != jetstream.LimitsPolicy, "retention is %s, must be limits", have.Retention)
	fault(have.Storage != jetstream.FileStorage, "storage is %s, must be file", have.Storage)
	fault(have.AllowDirect, "allow_direct is on, must be off: replicas would answer from the past")
	fault(!have.AllowAtomicPublish, "allow_atomic is off, must be on")
	want := transform()
	if t := have.SubjectTransform; t == nil || *t != *want {
		fault(true, "its subject transform is %+v, must be %+v", t, want)
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w: stream %s: %s", ErrUnfit, have.Name, strings.Join(faults, "; "))
}
