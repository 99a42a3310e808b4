package softphonectl

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/services/internal/replay"
)

func replayStateCommand(a *app) *cobra.Command {
	var apply, anew bool
	cmd := &cobra.Command{
		Use:   "state [worker...]",
		Short: "Fold the log in memory and compare with the state in Redis; --apply repairs what differs",
		Long: "Fold the log in memory with the workers' own rules, compare the result with Redis, and print every difference.\n\n" +
			"The workers keep running: every state is compared at the checkpoint it was read with. --apply replaces only what\n" +
			"differs, and only while that checkpoint stands; sign-ins go on. Outcomes of a wrong state stay in the log:\n" +
			"`replay decisions` shows them.\n\n" +
			"Re-run within an hour after an interrupt, it continues with the partitions that are left. Their part of the log is\n" +
			"read again; up to 2,000,000 messages are read for all partitions at once, and none of them is done before the end.\n\n" +
			"The workers: " + strings.Join(folderNames(), ", ") + ". Without a name: all of them.",
		Example:   "  softphonectl replay state\n  softphonectl replay state device-counter --apply --yes",
		Args:      cobra.ArbitraryArgs,
		ValidArgs: folderNames(),
		RunE: a.with(a.openBoth, func(x *session, args []string) error {
			workers, err := x.foldersNamed(args)
			if err != nil {
				return err
			}
			if apply && !x.dryRun {
				if yes, err := x.confirm("Repair what differs from the log, in Redis?"); !yes || err != nil {
					return err
				}
			}
			c := comparison{session: x, command: "replay-state", things: "state", apply: apply && !x.dryRun, anew: anew}
			c.run = func(f folder, ctx context.Context, check replay.Check) (replay.Summary, error) {
				return f.state(ctx, check)
			}
			if c.apply {
				c.command += "-apply" // what was only compared before is not repaired
			}
			return c.all(workers)
		}),
	}
	cmd.Flags().BoolVar(&apply, "apply", false, "repair what differs")
	cmd.Flags().BoolVar(&anew, "restart", false, "start over instead of continuing an interrupted run")
	return cmd
}
