package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// A leader that was deposed and is cut off goes on answering look-ups for up to 20 s (see
// [Log.AsOf]). Whoever says yes to a stranger on account of a look-up wants to know that it
// is of now. To ask the leader each time when it last heard from a majority would double the
// requests, so one answer serves everybody for a while.

const (
	// maxAge is how old a look-up's answer may be at most: so old is the proof that the
	// leader was in touch with a majority.
	maxAge = 2 * time.Second

	// renewal is the age from which on one of those who ask gets a newer proof, while the
	// others go on with what there is.
	renewal = time.Second

	touchPause = 50 * time.Millisecond // until a leader that is not in touch is asked again
)

// errOutOfTouch says that the leader may have been deposed.
var errOutOfTouch = errors.New("the log's leader has not heard from a majority of the servers lately: what it says may be of the past")

// touch is the last proof.
type touch struct {
	last     atomic.Pointer[proof]
	renewing atomic.Bool
}

// proof is that the leader, as it is reached on one connection, was in touch at a time.
type proof struct {
	connection uint64
	at         time.Time
	created    time.Time // of the stream
}

func (p *proof) age(connection uint64) time.Duration {
	if p == nil || p.connection != connection {
		return never
	}
	return time.Since(p.at)
}

// LastAbout is the position of the last event about an extension, of any kind and source; its sequence is 0 when there is
// none. The answer was true at most 2 s ago. While that cannot be known, as when the servers elect a leader, it waits until
// it can or the context ends. It costs one request, and one more about every second, for all callers together.
//
// The look-up goes to the server that the proof is of: both use one connection, and a leader that is cut off is reached
// over no other.
func (l *Log) LastAbout(ctx context.Context, x events.Extension) (events.Position, error) {
	for {
		connection := l.connection()
		p, err := l.inTouch(ctx, connection)
		if errors.Is(err, errOutOfTouch) {
			select {
			case <-time.After(touchPause):
				continue
			case <-ctx.Done():
			}
		}
		if err != nil {
			return events.Position{}, err
		}
		last, err := l.LastOf(ctx, events.LogSubject(x.Partition(), "*", x.Tenant, x.Number, "*"))
		if err != nil {
			return events.Position{}, err
		}
		if l.connection() == connection && p.age(connection) <= maxAge {
			at := events.Position{Log: p.created}
			if last != nil {
				at.Sequence = last.Sequence
			}
			return at, nil
		}
		if ctx.Err() != nil {
			return events.Position{}, ctx.Err()
		}
	}
}

// inTouch returns a proof that is young enough, or gets one.
func (l *Log) inTouch(ctx context.Context, connection uint64) (*proof, error) {
	p := l.touch.last.Load()
	age := p.age(connection)
	if age <= renewal {
		return p, nil
	}
	if age <= maxAge {
		if !l.touch.renewing.CompareAndSwap(false, true) {
			return p, nil
		}
		defer l.touch.renewing.Store(false)
	}
	newer, err := l.prove(ctx, connection)
	if err != nil && p.age(connection) <= maxAge {
		return p, nil
	}
	return newer, err
}

// prove asks the leader when it has heard from a majority.
func (l *Log) prove(ctx context.Context, connection uint64) (*proof, error) {
	began := time.Now()
	state, err := l.State(ctx)
	if err != nil {
		return nil, err
	}
	if state.Quorum > maxAge {
		return nil, fmt.Errorf("%w (for %s)", errOutOfTouch, state.Quorum)
	}
	p := &proof{connection: connection, at: began.Add(-state.Quorum), created: state.Created}
	if l.connection() == connection {
		l.touch.last.Store(p)
	}
	return p, nil
}
