package lease

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Lease is the right to own one partition.
type Lease struct {
	bucket    jetstream.KeyValue
	partition int
	key       string
	value     string // of the key while it is ours

	ctx    context.Context // the owner's
	cancel context.CancelCauseFunc
	expiry *time.Timer // cancels it when it was not renewed in time

	revision uint64 // of the last renewal; only the replica's loop touches it
}

// Partition is its number, from 0.
func (l *Lease) Partition() int { return l.partition }

// Check reads the key again, just now. It returns nil when the lease is still ours, ErrLost when it is not, and another
// error when that cannot be known.
func (l *Lease) Check(ctx context.Context) error {
	if l.ctx.Err() != nil {
		return fmt.Errorf("partition %d: %w", l.partition, context.Cause(l.ctx))
	}
	e, err := l.bucket.Get(ctx, l.key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound): // also when it was deleted
		return fmt.Errorf("partition %d: %w: nobody holds it", l.partition, ErrLost)
	case err != nil:
		return fmt.Errorf("partition %d: read the lease: %w", l.partition, err)
	case string(e.Value()) != l.value:
		return fmt.Errorf("partition %d: %w: it is held by %s", l.partition, ErrLost, entry{value: string(e.Value())}.owner())
	}
	return nil
}

func (l *Lease) lost() { l.cancel(ErrLost) }

// gone tells whether its owner was told to end, for whatever reason.
func (l *Lease) gone() bool { return l.ctx.Err() != nil }

const (
	firstPause = 100 * time.Millisecond
	longPause  = 30 * time.Second // also how long an owner must have run to count as healthy again
)

// serve runs own, and runs it again when it returns although the lease is still ours, after pauses that grow to half a
// minute. The lease is kept meanwhile: what makes an owner refuse or fail, its log or its store, is the same for every
// replica, and passing the partition around would only hide it.
func (l *Lease) serve(delay time.Duration, own func(context.Context, *Lease) error, log zerolog.Logger) {
	pause := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstPause), backoff.WithMaxInterval(longPause), backoff.WithMaxElapsedTime(0))
	for wait := delay; sleep(l.ctx, wait); wait = pause.NextBackOff() {
		start := time.Now()
		err := own(l.ctx, l)
		if l.gone() {
			return
		}
		if time.Since(start) > longPause {
			pause.Reset()
		}
		log.Warn().Err(err).Msg("owner of the partition ended; it is started again")
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}

// isName tells whether s can be a part of a key. Key-value keys may have dots; a worker's name must not, for it is
// matched as one token.
func isName(s string, dots bool) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
		if !letter && (r != '.' || !dots) {
			return false
		}
	}
	return s != "" && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..")
}
