package eventlog

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// Error codes of a server without room: JSInsufficientResourcesErr when all streams together reach max_file_store,
	// JSStorageResourcesExceededErr when an account reaches its limit.
	errCodeNoResources = 10023
	errCodeNoStorage   = 10047

	// lookLimit bounds the check whether the server answers at all.
	lookLimit = time.Second
)

// Unwritable adds [ErrUnwritable] to the error of a publication, here or to another stream on the same disks, if that
// is the cause.
//
// nats-server 2.15.2 does not report it. The first write that fails for lack of space takes the stream out of service
// until the server is restarted. It does not answer publications to that stream, even when there is room again, while
// reads work as before. In a cluster, a server without room leaves: that is ErrUnwritable only if too few are left. A
// server that reaches its own limit, max_file_store, reports it, and stores again once the limit is raised.
func (l *Log) Unwritable(err error) error {
	if OutOfRoom(err) {
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	if _, read := l.stream.Info(ctx); read != nil {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnwritable, err)
}

// Watch calls report with [ErrUnwritable] when the log takes no writes, and with nil when it does again. Call it
// before the first publication.
func (l *Log) Watch(report func(error)) { l.stores.report = report }

// stores tracks whether the last publications were stored.
type stores struct {
	not    atomic.Bool
	report func(error) // may be nil
}

// note records the result of a publication, and returns it.
func (s *stores) note(err error) error {
	not := errors.Is(err, ErrUnwritable)
	if (not || err == nil) && s.not.Swap(not) != not && s.report != nil {
		s.report(err)
	}
	return err
}

// OutOfRoom reports whether the server answered that it has no room.
func OutOfRoom(err error) bool {
	api, is := errors.AsType[*jetstream.APIError](err)
	return is && (api.ErrorCode == errCodeNoResources || api.ErrorCode == errCodeNoStorage)
}
