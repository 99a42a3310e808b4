package delivery

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// relay is one of the servers: its connections, how fast it may be used, and
// whether it is left alone for now.
type relay struct {
	*pool
	rest
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

// stale says whether a connection that was used before had ended in the meantime:
// nothing of the mail was accepted, so a fresh one may have it at once.
func (c *conn) stale() bool { return c.used && c.broken && c.stage <= stageMAIL }

// blame says whether an error speaks against the server and not the mail.
func blame(err error) bool { return judged(err, Unavailable) }

func judged(err error, as Verdict) bool {
	failure, is := errors.AsType[*Failure](err)
	return is && failure.Verdict == as
}
