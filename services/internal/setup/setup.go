// Package setup creates what the system keeps in NATS: the log, its dead letters
// and the lease bucket. `softphonectl setup` does it for a server of one's own,
// standalone and tests for an embedded one. Workers create nothing: they may not.
package setup

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/lease"
)

// LeaseTTL is how long a replica keeps its partitions without renewing them. It is
// the default of the workers' SOFTPHONE_LEASE_TTL, which must be the same.
const LeaseTTL = 10 * time.Second

// Layout is what may differ between installations. The zero value is for a single server.
type Layout struct {
	eventlog.Layout
	LeaseTTL time.Duration // 0 means [LeaseTTL]
}

// Everything creates what is missing and checks the rest, as often as it is called.
func Everything(ctx context.Context, js jetstream.JetStream, l Layout) error {
	if l.LeaseTTL == 0 {
		l.LeaseTTL = LeaseTTL
	}
	if err := eventlog.Ensure(ctx, js, l.Layout); err != nil {
		return err
	}
	if _, err := lease.EnsureBucket(ctx, js, events.LeaseBucket, l.LeaseTTL, l.Replicas); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	return nil
}
