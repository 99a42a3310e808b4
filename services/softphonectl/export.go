package softphonectl

import (
	"bufio"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/services/internal/replay"
)

func exportCommand(a *app) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the log, or a range of it, to a file",
		Long: "Write the log, or a range of it, as NDJSON: a line an event with its very bytes, sequence and headers. A FILE whose\n" +
			"name ends in .gz is compressed; - is standard output. The file is there under its name only when it is whole.\n\n" +
			"Only an export of the whole log can be imported as a log; of a range, `import --facts` copies the facts.",
		Example: "  softphonectl export softphone.ndjson.gz\n  softphonectl export - --tenant acme --since 7d | jq .subject",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(a.open, func(x *session, args []string) error {
			r, err := s.ranged(time.Now())
			if err != nil {
				return err
			}
			total, err := replay.Count(x.ctx, x.log, r)
			if err != nil {
				return err
			}
			if x.dryRun {
				return x.print(map[string]uint64{"messages": total}, func() string {
					return "would write up to " + plural(total, "message") + " to " + args[0]
				})
			}
			return x.export(r, args[0], total)
		}),
	}
	s.whom(cmd)
	s.what(cmd)
	s.when(cmd)
	s.where(cmd)
	return cmd
}

func (x *session) export(r replay.Range, name string, total uint64) error {
	bar := x.bar("exporting", total)
	defer bar.end()
	if name == "-" {
		out := bufio.NewWriter(x.terminal.Out)
		if _, err := replay.Export(x.ctx, x.log, r, out, bar.add); err != nil {
			return err
		}
		return out.Flush()
	}
	done, err := replay.ExportFile(x.ctx, x.log, r, name, bar.add)
	if err != nil {
		return err
	}
	bar.end()
	return x.print(done, func() string {
		return fmt.Sprintf("%s, sequences %d to %d, in %s", plural(done.Messages, "message"), done.First, done.Last, name)
	})
}
