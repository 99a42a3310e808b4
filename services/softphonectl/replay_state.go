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
		Short: "Fold the log in memory and compare what workers keep in Redis; --apply repairs what differs",
		Long: "Fold the log in memory with the workers' own rules, compare what they keep in Redis, and print every difference.\n\n" +
			"The workers go on meanwhile: every state is compared at the checkpoint it was read with. --apply replaces only what\n" +
			"differs, and only while that checkpoint stands; sign-ins go on. What was told because of a wrong state stays told:\n" +
			"`replay decisions` shows it.\n\n" +
			"Interrupted and given again within an hour it goes on with the partitions that are left. Their part of the log is\n" +
			"read again; up to 2,000,000 messages are read for all partitions at once, and none of them is done before the end.\n\n" +
			"The workers: " + strings.Join(folderNames(), ", ") + ". Without one named, all that there are.",
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
	cmd.Flags().BoolVar(&anew, "anew", false, "do not go on where an interrupted run stopped")
	return cmd
}
