package softphonectl

import (
	"bufio"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/services/internal/replay"
)

func exportCommand(a *app) *cobra.Command {
	var s selection
	var h hiding
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Write the log, or a range of it, to a file",
		Long: "Write the log, or a range of it, as NDJSON: each line is an event with its exact bytes, sequence and headers. A FILE whose\n" +
			"name ends in .gz is compressed; - is standard output. The file gets its name only when it is complete.\n\n" +
			"Only an export of the whole log can be imported as a log. From a range, `import --facts` copies the facts.\n\n" +
			"--anonymize replaces addresses, names, user names, reasons, what mail servers said and device ids, in facts and\n" +
			"outcomes; equal values get equal replacements. Messages that are no event are left out then, and so is who did it.",
		Example: "  softphonectl export softphone.ndjson.gz\n  softphonectl export - --tenant acme --since 7d | jq .subject",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(a.open, func(x *session, args []string) error {
			r, err := s.ranged(time.Now())
			if err != nil {
				return err
			}
			if err := s.known(x); err != nil {
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
			change, err := h.change(x)
			if err != nil {
				return err
			}
			return x.export(r, args[0], change, total)
		}),
	}
	s.whom(cmd)
	s.what(cmd)
	s.when(cmd)
	s.where(cmd)
	h.flags(cmd)
	return cmd
}

func (x *session) export(r replay.Range, name string, change replay.Change, total uint64) error {
	bar := x.bar("exporting", total)
	defer bar.end()
	if name == "-" {
		out := bufio.NewWriter(x.terminal.Out)
		done, err := replay.Export(x.ctx, x.log, r, out, change, bar.add)
		if err != nil {
			return err
		}
		return errors.Join(out.Flush(), leftOut(done))
	}
	done, err := replay.ExportFile(x.ctx, x.log, r, name, change, bar.add)
	if err != nil {
		return err
	}
	bar.end()
	return errors.Join(x.print(done, func() string {
		if done.Messages == 0 {
			return "no messages, in " + name
		}
		return fmt.Sprintf("%s, sequences %d to %d, in %s", plural(done.Messages, "message"), done.First, done.Last, name)
	}), leftOut(done))
}

// leftOut is the partial success of an export without some messages.
func leftOut(done replay.Exported) error {
	if done.Skipped == 0 {
		return nil
	}
	return codeError{errors.New(plural(done.Skipped, "message") + were(done.Skipped) + " no event and was left out"), Partly}
}
