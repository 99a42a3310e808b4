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
		Short: "Re-decide every fact and compare with the outcomes in the log",
		Long: "Re-decide every fact of the log with this program's rules, and compare with the recorded outcomes: has a\n" +
			"rule changed, did a worker decide from a wrong state, or has the log been tampered with?\n\n" +
			"  missing  an outcome that should be there is not\n" +
			"  doubled  it is there twice\n" +
			"  wrong    it says something else\n" +
			"  phantom  nothing leads to it\n" +
			"  foreign  it names no cause: another program published it\n\n" +
			"A worker's checkpoint says how far it has come. Where it is damaged, or of another log (not-this-log), the last outcome\n" +
			"says it instead.\n\n" +
			"Nothing is changed: what is in the log stays.\n\n" +
			"The workers: " + strings.Join(folderNames(), ", ") + ". Without a name: all of them.",
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
	cmd.Flags().BoolVar(&anew, "restart", false, "start over instead of continuing an interrupted run")
	return cmd
}
