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
	// errors of a server without room: JSInsufficientResourcesErr when what all streams
	// hold reaches max_file_store, JSStorageResourcesExceededErr when an account's limit is.
	errCodeNoResources = 10023
	errCodeNoStorage   = 10047

	// lookLimit is how long the question may take whether the server answers at all.
	lookLimit = time.Second
)

// Unwritable is the error of a publication, here or to another stream on the same disks, with [ErrUnwritable] where that is the cause.
//
// nats-server 2.15.2 does not say so by itself. The first write that fails for want of
// space puts the stream out of service until the server is started again; publications
// to it are not answered, neither then nor when there is room again, while the stream
// is read as before. In a cluster a server without room leaves: that is ErrUnwritable
// only where too few are left. A server that reaches its own limit, max_file_store,
// says so, and stores again when that was raised.
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

// Watch has a function told when the log takes no writes, with [ErrUnwritable], and when it
// does again, with nil. It is called before anything is published.
func (l *Log) Watch(tell func(error)) { l.stores.tell = tell }

// stores is whether the last publications were stored.
type stores struct {
	not  atomic.Bool
	tell func(error) // nil: nobody asks
}

// note takes how a publication ended, and returns it.
func (s *stores) note(err error) error {
	not := errors.Is(err, ErrUnwritable)
	if (not || err == nil) && s.not.Swap(not) != not && s.tell != nil {
		s.tell(err)
	}
	return err
}

// OutOfRoom tells whether the server answered that it has no room.
func OutOfRoom(err error) bool {
	api, is := errors.AsType[*jetstream.APIError](err)
	return is && (api.ErrorCode == errCodeNoResources || api.ErrorCode == errCodeNoStorage)
}
