// Package setup creates what the system keeps in NATS: the log, its dead letters,
// the lease bucket and the mailer's bucket. `softphonectl setup` does it for a server of one's own,
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

// LeaseTTL is how long a replica keeps its partitions without renewing them, so how
// soon another takes over from one that died. Workers read it from the bucket.
const LeaseTTL = 10 * time.Second

// MailerBucket holds what the mailer shows of e-mails that failed so far. Losing it
// loses nothing else.
const MailerBucket = "softphone-mailer"

// mailerTTL is longer than an e-mail is tried.
const mailerTTL = 7 * 24 * time.Hour

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
	if _, err := js.CreateOrUpdateKeyValue(ctx, mailerBucket(l.Replicas)); err != nil {
		return fmt.Errorf("setting up key-value bucket %s: %w", MailerBucket, err)
	}
	return nil
}

func mailerBucket(replicas int) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket: MailerBucket, Description: "E-mails whose sending failed and will be repeated; for display.",
		TTL: mailerTTL, History: 1, MaxValueSize: 4 << 10, Storage: jetstream.FileStorage, Replicas: max(1, replicas),
	}
}
