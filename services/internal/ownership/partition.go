package ownership

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"
)

// Owner works on a partition until its context ends, whose cause is ErrGivenUp or that of Run's context. Before it acts as
// the partition's owner it calls check, which waits until the replica can say that the partition is still its own.
type Owner func(ctx context.Context, partition int, check func(context.Context) error) error

// partition is one that this replica owns, until its owner has ended.
type partition struct {
	number int
	ctx    context.Context // the owner's
	cancel context.CancelCauseFunc
}

// givenUp tells whether its owner has to end.
func (p *partition) givenUp() bool { return p.ctx.Err() != nil }

const (
	firstPause = 50 * time.Millisecond
	longPause  = 30 * time.Second // also how long an owner must have run to count as healthy again
)

// serve runs the owner, and runs it again when it returns although the partition is still ours, after pauses that grow to
// half a minute. The partition stays here meanwhile: what makes an owner fail for good is the same for every replica, and
// passing the partition around would only hide it.
func (p *partition) serve(own Owner, check func(context.Context) error, log zerolog.Logger) {
	pause := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstPause), backoff.WithMaxInterval(longPause), backoff.WithMaxElapsedTime(0))
	for {
		start := time.Now()
		err := own(p.ctx, p.number, check)
		if p.givenUp() {
			return
		}
		if time.Since(start) > longPause {
			pause.Reset()
		}
		log.Warn().Err(err).Msg("owner of the partition ended; it is started again")
		select {
		case <-p.ctx.Done():
			return
		case <-time.After(pause.NextBackOff()):
		}
	}
}

// check returns nil once the replica is in touch with the others and the partition is its own, and an error when it is
// not any more, or when ctx ends first.
func (r *Replica) check(ctx context.Context, p *partition) error {
	for {
		r.mu.Lock()
		trusted, changed := r.trusted, r.changed
		r.mu.Unlock()
		if p.givenUp() {
			return fmt.Errorf("partition %d: %w", p.number, context.Cause(p.ctx))
		}
		if trusted {
			return nil
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
		case <-ctx.Done():
			return fmt.Errorf("partition %d: %w: %w", p.number, errUnheard, ctx.Err())
		}
	}
}
