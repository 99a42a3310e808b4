package delivery

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Reuse says how connections are reused.
type Reuse struct {
	Connections int           // open at a time, to one server
	Mails       int           // on one connection, before it is ended
	Idle        time.Duration // after which an unused connection is ended
	Trust       time.Duration // after which an unused one is checked with RSET before it gets a mail
}

// DefaultReuse suits most servers: many limit the mails of a connection, and all end an idle one, Postfix after 5
// minutes, or 10 seconds under load.
func DefaultReuse() Reuse {
	return Reuse{Connections: 8, Mails: 100, Idle: 30 * time.Second, Trust: time.Second}
}

// pool of the connections to one server, of which at most one is open for each slot.
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

// get waits for a slot and returns a connection that is ready for a mail: a fresh one, or a used one that was checked
// if it was idle for longer than Trust. Give it back with put.
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

// open makes a fresh connection in the caller's slot, which it frees after an error.
func (p *pool) open(ctx context.Context) (*conn, error) {
	c, err := p.dialer.open(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	p.meter.opened()
	return c, nil
}

// renew replaces a broken connection by a fresh one, in its slot.
func (p *pool) renew(ctx context.Context, c *conn) (*conn, error) {
	p.drop(c)
	return p.open(ctx)
}

// take removes the idle connection that was used last; nil: there is none.
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

// put gives a connection and its slot back. A connection that is not reused keeps its slot until it is closed, in the
// background: the mail's outcome need not wait for the QUIT.
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

// leave closes a working connection with QUIT.
func (p *pool) leave(c *conn) {
	p.meter.closed()
	c.quit()
}

// keep makes a connection idle if it can be reused, and reports that.
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

// expire ends a connection that was idle for long. It takes a slot meanwhile.
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

// ended reports whether the pool is closed.
func (p *pool) ended() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// drop closes a connection that does not work any more.
func (p *pool) drop(c *conn) {
	p.meter.closed()
	c.kill()
}

// close ends the idle connections, and those in use when they are put back. It waits at most a second for a server.
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
