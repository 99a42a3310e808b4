package process

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// failover closes all connections to a Redis that has become a read-only replica, so that the next call connects again and
// reaches the new primary. go-redis does so for the answer READONLY. Proxies of managed services say "ERR READONLY …"
// instead, which go-redis takes for an ordinary answer: it would keep its connections, and every write would fail until the
// process is restarted.
//
// It is a hook of a client. A call that is under way on a connection that is closed fails, and go-redis tries it again.
type failover struct {
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func newFailover() *failover { return &failover{open: map[net.Conn]struct{}{}} }

// readOnly tells whether an answer says that the server does not take writes any more.
func readOnly(err error) bool {
	answer, is := errors.AsType[redis.Error](err)
	return is && strings.HasPrefix(answer.Error(), "ERR") && strings.Contains(answer.Error(), "READONLY")
}

// DialHook remembers each connection until it is closed.
func (f *failover) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.open[conn] = struct{}{}
		remembered := rememberedConn{Conn: conn, forget: func() { f.forget(conn) }}
		if socket, is := conn.(syscall.Conn); is { // lets go-redis see that an idle connection was closed
			return rememberedSocket{remembered, socket}, nil
		}
		return remembered, nil
	}
}

// ProcessHook looks at the answer to a command.
func (f *failover) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		f.look(err)
		return err
	}
}

// ProcessPipelineHook looks at the answers to several commands.
func (f *failover) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			f.look(cmd.Err())
		}
		return err
	}
}

func (f *failover) look(err error) {
	if !readOnly(err) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.open {
		_ = conn.Close()
	}
	clear(f.open)
}

func (f *failover) forget(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, conn)
}

// rememberedConn is forgotten when it is closed.
type rememberedConn struct {
	net.Conn
	forget func()
}

func (c rememberedConn) Close() error {
	c.forget()
	return c.Conn.Close()
}

// rememberedSocket is one whose state the system knows.
type rememberedSocket struct {
	rememberedConn
	syscall.Conn
}
