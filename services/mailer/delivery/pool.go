package delivery

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Reuse says how connections are used again.
type Reuse struct {
	Connections int           // open at a time, to one server
	Mails       int           // on one connection, before it is ended
	Idle        time.Duration // after which an unused connection is ended
	Trust       time.Duration // after which an unused one is asked whether it lives before a mail is given to it
}

// DefaultReuse suits most servers: many count mails per connection, and all end
// one that says nothing, Postfix after 5 minutes, or 10 seconds when it is busy.
func DefaultReuse() Reuse {
	return Reuse{Connections: 8, Mails: 100, Idle: 30 * time.Second, Trust: time.Second}
}

// pool of the connections to one server. At most as many are open as it has slots.
type pool struct {
	dialer
	Reuse
	slots chan struct{}
	meter meter

	mu     sync.Mutex
	idle   []*conn       // the one used last comes last, and is used first
	closed chan struct{} // closed with the pool
}

var errClosed = errors.New("the mailer is stopping")

func newPool(d dialer, r Reuse, m meter) *pool {
	return &pool{dialer: d, Reuse: r, meter: m, slots: make(chan struct{}, r.Connections), closed: make(chan struct{})}
}

// get waits for a slot and returns a connection that is ready for a mail: one that
// was used before, and proved to live if it was idle for long, or a fresh one. It
// goes back with put.
func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	c, err := p.take()
	if err != nil {
		<-p.slots
		return nil, err
	}
	if c == nil {
		return p.open(ctx)
	}
	if !c.unclean && time.Since(c.since) < p.Trust || c.reset(ctx) == nil {
		return c, nil
	}
	return p.renew(ctx, c)
}

// open makes a fresh connection; the caller has a slot, which is lost with an error.
func (p *pool) open(ctx context.Context) (*conn, error) {
	c, err := p.dialer.open(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	p.meter.opened()
	return c, nil
}

// renew replaces a connection that broke by a fresh one, in its slot.
func (p *pool) renew(ctx context.Context, c *conn) (*conn, error) {
	p.drop(c)
	return p.open(ctx)
}

// take removes the connection that was used last; nil: there is none.
func (p *pool) take() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended() {
		return nil, errClosed
	}
	if len(p.idle) == 0 {
		return nil, nil //nolint:nilnil // documented
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	c.expiry.Stop()
	c.used = true
	return c, nil
}

// put gives a connection and its slot back. One that is not used again keeps its
// slot until it has left, as it is open until then; the mail's outcome need not wait
// for good manners.
func (p *pool) put(c *conn) {
	switch {
	case p.keep(c):
	case c.broken || c.gone.Load():
		p.drop(c)
	default:
		go func() {
			p.leave(c)
			<-p.slots
		}()
		return
	}
	<-p.slots
}

// leave closes a connection that could be used again.
func (p *pool) leave(c *conn) {
	p.meter.closed()
	c.quit()
}

// keep makes a connection idle, if it is to be used again.
func (p *pool) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended() || c.broken || c.gone.Load() || c.mails >= p.Mails {
		return false
	}
	c.since = time.Now()
	c.expiry = time.AfterFunc(p.Idle, func() { p.expire(c) })
	p.idle = append(p.idle, c)
	return true
}

// expire ends a connection that nobody used for long, in a slot.
func (p *pool) expire(c *conn) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-p.closed:
		return
	}
	p.mu.Lock()
	at := -1
	for i := range p.idle {
		if p.idle[i] == c {
			at = i
		}
	}
	if at >= 0 {
		p.idle = append(p.idle[:at], p.idle[at+1:]...)
	}
	p.mu.Unlock()
	if at >= 0 {
		p.leave(c)
	}
}

// ended says whether the pool is closed.
func (p *pool) ended() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// drop closes a connection that is no good.
func (p *pool) drop(c *conn) {
	p.meter.closed()
	c.kill()
}

// close ends the idle connections, and those in use when they are put back. It
// waits for no server longer than a second.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	if !p.ended() {
		close(p.closed)
	}
	p.mu.Unlock()
	var leaving sync.WaitGroup
	for _, c := range idle {
		c.expiry.Stop()
		leaving.Go(func() { p.leave(c) })
	}
	leaving.Wait()
}
