package worker

import (
	"context"
	"errors"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

const (
	logInterval = 3 * time.Second
	logTimeout  = 2 * time.Second

	// silentLimit is how long the leader may not have heard from a majority: it hears from each server every second. A
	// server that is cut off still answers for what it knows.
	silentLimit = 10 * time.Second
)

var errNoMajority = errors.New("the log has no leader that hears from a majority of the NATS servers: nothing can be stored until it has")

// watchLog tells health whether the log can be reached and stored to: a reader that waits for the next event does not notice that the
// log has no leader. A log that is not fit to be one is reported by whoever folds it.
func watchLog(ctx context.Context, log *eventlog.Log, host *process.Host) {
	ticker := time.NewTicker(logInterval)
	defer ticker.Stop()
	away := false
	host.Health.NotReady(process.PartLog, nil) // shown from the start
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asking, cancel := context.WithTimeout(ctx, logTimeout)
		state, err := log.State(asking)
		cancel()
		if err == nil && state.Quorum > silentLimit {
			err = errNoMajority
		}
		if errors.Is(err, eventlog.ErrUnfit) {
			err = nil
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !away:
			host.Log.Warn().Err(err).Msg("the log cannot be reached; trying again")
		case err == nil && away:
			host.Log.Info().Msg("the log can be reached again")
		}
		away = err != nil
		host.Health.NotReady(process.PartLog, err)
	}
}
