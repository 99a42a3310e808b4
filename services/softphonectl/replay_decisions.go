package softphonectl

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/services/internal/replay"
)

func replayDecisionsCommand(a *app) *cobra.Command {
	var anew bool
	cmd := &cobra.Command{
		Use:   "decisions [worker...]",
		Short: "Decide every fact anew and compare with the outcomes in the log",
		Long: "Decide every fact of the log anew, with the rules this program has, and compare with the outcomes recorded: has a\n" +
			"rule changed, did a worker decide on a state that was wrong, or has the log been tampered with?\n\n" +
			"  missing  an outcome that should have been told is not there\n" +
			"  doubled  it is there twice\n" +
			"  wrong    it says something else\n" +
			"  phantom  nothing leads to it\n" +
			"  foreign  it names no cause: another program published it\n\n" +
			"A worker's checkpoint only says how far it has come: where that is damaged, or of another log (not-this-log), its last\n" +
			"outcome says it.\n\n" +
			"Nothing is changed: what is in the log was said.\n\n" +
			"The workers: " + strings.Join(folderNames(), ", ") + ". Without one named, all that there are.",
		Args:      cobra.ArbitraryArgs,
		ValidArgs: folderNames(),
		RunE: a.with(a.open, func(x *session, args []string) error {
			workers, err := x.foldersNamed(args)
			if err != nil {
				return err
			}
			if err := x.connectRedis(); err != nil {
				x.say("%v; how far the workers are is taken from their last outcomes", err)
			}
			c := comparison{session: x, command: "replay-decisions", things: "outcome", anew: anew}
			c.run = func(f folder, ctx context.Context, check replay.Check) (replay.Summary, error) {
				return f.decisions(ctx, check)
			}
			return c.all(workers)
		}),
	}
	cmd.Flags().BoolVar(&anew, "anew", false, "do not go on where an interrupted run stopped")
	return cmd
}
