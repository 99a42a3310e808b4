package process

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// unerasedPause is between two looks whether what was erased is gone.
const unerasedPause = 2 * time.Second

// OpenLog opens the log, as Await asks for things. An older copy of it may have what was
// erased since: while it has, OpenLog waits, so that nothing is served from it. The part
// "start" says what to type.
func OpenLog(ctx context.Context, h *Host, conn *nats.Conn) (*eventlog.Log, error) {
	log, err := Await(ctx, h, func(ctx context.Context) (*eventlog.Log, error) { return eventlog.Open(ctx, conn) })
	if err != nil {
		return nil, err
	}
	var checked uint64
	look := func(ctx context.Context) (extension events.Extension, err error) {
		extension, checked, err = log.Unerased(ctx, checked)
		return extension, err
	}
	for waiting := false; ; waiting = true {
		extension, err := Await(ctx, h, look)
		if err != nil {
			return nil, err
		}
		if extension == (events.Extension{}) {
			if waiting {
				h.Health.Broken(partStart, nil)
				h.Log.Info().Msg("what was erased is gone: starting")
			}
			return log, nil
		}
		fault := fmt.Errorf("the log has events of %s, which was erased: it is an older copy, or the erasure was interrupted: type `softphonectl erase --again`",
			extension)
		if !waiting {
			h.Health.Broken(partStart, fault)
			h.Log.Error().Err(fault).Msg("nothing is served: the start waits")
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(unerasedPause):
		}
	}
}
