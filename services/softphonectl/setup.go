package softphonectl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
)

func setupCommand(a *app) *cobra.Command {
	var layout eventlog.Layout
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Create the streams and buckets, or check that they are what the workers need",
		Long: "Create the streams and buckets, or check that they are what the workers need. Safe to re-run at any time.\n" +
			"A stream that could have dropped an event, or stores events elsewhere, is refused and left as it is.\n\n" +
			"It needs the rights of an administrator of JetStream (in deploy/nats: the user setup).",
		Args: cobra.NoArgs,
		RunE: failed(func(c *cobra.Command, _ []string) error { return setUp(c, a, layout) }),
	}
	cmd.Flags().IntVar(&layout.Replicas, "replicas", 1, "copies of each message: 3 or 5 on a cluster")
	return cmd
}

func setUp(c *cobra.Command, a *app, layout eventlog.Layout) error {
	if layout.Replicas < 1 || layout.Replicas > 5 {
		return usageError{fmt.Errorf("--replicas: %d is not between 1 and 5", layout.Replicas)}
	}
	ctx, cancel := context.WithTimeoutCause(c.Context(), 30*time.Second, errors.New("JetStream did not answer within 30 s"))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	nc, err := a.connect(func(refusal error) { stop(fmt.Errorf("NATS user %q: %w", a.nats.user, refusal)) })
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := eventlog.API(ctx, nc)
	if err != nil {
		return err
	}
	made := ready{Streams: []string{events.Stream, events.DeadStream}, Buckets: []string{setup.MailerBucket, setup.CredentialsBucket}}
	if a.dryRun {
		return a.print(made, func() string { return "would create or check " + made.text() })
	}
	if err := setup.Everything(ctx, js, layout, append(mailer.Durables(), namesync.Durables()...)...); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return a.print(made, func() string { return "ready: " + made.text() })
}

// ready is what setup makes.
type ready struct {
	Streams []string `json:"streams"`
	Buckets []string `json:"buckets"`
}

func (r ready) text() string {
	return "streams " + strings.Join(r.Streams, " and ") + ", buckets " + strings.Join(r.Buckets, " and ")
}
