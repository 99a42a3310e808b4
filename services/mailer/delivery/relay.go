package delivery

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// relay is one of the servers: its connections, its rate limit, and whether it is down.
type relay struct {
	*pool
	cooldown
	limiter *rate.Limiter
}

// send hands over one mail. The error is a [*Failure] or the context's.
func (r *relay) send(ctx context.Context, mail Envelope) (Receipt, error) {
	if err := r.limiter.Wait(ctx); err != nil {
		return Receipt{}, err
	}
	c, err := r.get(ctx)
	if err != nil {
		r.meter.ended(err)
		return Receipt{}, err
	}
	started := time.Now()
	receipt, err := c.send(ctx, mail)
	if err != nil && ctx.Err() == nil && c.stale() {
		r.meter.stale()
		if c, err = r.renew(ctx, c); err != nil {
			r.meter.ended(err)
			return Receipt{}, err
		}
		receipt, err = c.send(ctx, mail)
	}
	r.put(c)
	r.meter.sent(time.Since(started), err)
	return receipt, err
}

// stale reports whether a connection that was used before had ended in the meantime. Then the server accepted nothing
// of the mail, and it can go over a fresh connection at once.
func (c *conn) stale() bool { return c.used && c.broken && c.stage <= stageMAIL }

// blame reports whether the server is to blame for an error, and not the mail.
func blame(err error) bool { return judged(err, Unavailable) }

func judged(err error, as Verdict) bool {
	failure, is := errors.AsType[*Failure](err)
	return is && failure.Verdict == as
}
