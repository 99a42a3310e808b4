package softphonectl

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/services/internal/erase"
)

// eraseFlags are those of erase.
type eraseFlags struct {
	by          string
	list, again bool
	from        string
}

func eraseCommand(a *app) *cobra.Command {
	var s selection
	var f eraseFlags
	cmd := &cobra.Command{
		Use:   "erase [tenant/extension]",
		Short: "Delete for good what is kept of an extension that was deleted (GDPR, Article 17)",
		Long: "Delete for good what is kept of an extension that was deleted: its events in the log, dead letters, what the workers\n" +
			"keep in Redis and in their buckets. What is overwritten cannot be brought back. The log then says that it was done, when,\n" +
			"by whom, and for the books when a license was in force for how many devices: nothing of the person.\n\n" +
			"The extension must be deleted (ExtensionDeleted). Workers go on. An erasure that was interrupted is given again.\n\n" +
			"A backup from before knows the person still. Keep the list of erasures apart from the backups, and give it after a restore:\n\n" +
			"  softphonectl erase --list --json > erased.ndjson\n" +
			"  softphonectl erase --again --from erased.ndjson\n\n" +
			"Where the log has replicas, all NATS servers must run: each drops its raft log. Mails that were sent, log lines and\n" +
			"other copies are not reached.",
		Example:           "  softphonectl erase acme/1001 --by 'Ann, request 4711'",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.openBoth, func(x *session, args []string) error {
			switch {
			case f.list:
				return x.listErased()
			case f.again:
				return x.eraseAgain(f)
			case f.from != "":
				return usageError{errors.New("--from: is for --again")}
			}
			return x.erase(&s, args, f)
		}),
	}
	s.whom(cmd)
	cmd.Flags().StringVar(&f.by, "by", "", "who erases, as the log is to say it (default: your name on this machine)")
	cmd.Flags().BoolVar(&f.list, "list", false, "print what was erased, and erase nothing")
	cmd.Flags().BoolVar(&f.again, "again", false, "erase once more what was erased before: after a restore, or when it was interrupted")
	cmd.Flags().StringVar(&f.from, "from", "", "with --again: a file that --list --json made, of erasures the log may not know")
	return cmd
}

// operator is who erases: the name given, or else that of this machine's user.
func operator(name string) string {
	if name == "" {
		if me, err := user.Current(); err == nil {
			return me.Username
		}
	}
	return name
}

func (x *session) eraser(by string) erase.Eraser {
	e := erase.Eraser{Log: x.log, Redis: x.redis, By: operator(by)}
	for _, f := range folders() {
		e.Workers = append(e.Workers, f.Worker)
	}
	return e
}

func (x *session) erase(s *selection, args []string, f eraseFlags) error {
	about, err := s.one(args)
	if err != nil {
		return err
	}
	e := x.eraser(f.by)
	n, err := e.Look(x.ctx, about)
	if err != nil {
		return err
	}
	if x.dryRun {
		return x.print(erase.Done{Extension: about.String(), Messages: n}, func() string {
			return fmt.Sprintf("would erase %s of %s", plural(uint64(n), "event"), about)
		})
	}
	if yes, err := x.confirm(fmt.Sprintf("Erase %s of %s, for good?", plural(uint64(n), "event"), about)); !yes || err != nil {
		return err
	}
	done, err := e.Erase(x.ctx, about)
	if err != nil {
		return err
	}
	return x.print(done, func() string {
		return fmt.Sprintf("%s: %s and %s erased", about, plural(uint64(done.Messages), "event"), plural(uint64(done.DeadLetters), "dead letter"))
	})
}

func (x *session) listErased() error {
	all, err := erase.Markers(x.ctx, x.log)
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := x.print(m, func() string {
			return fmt.Sprintf("%s  %s  %s, by %s", stamp(m.At), m.Extension, plural(uint64(m.Messages), "event"), m.By)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (x *session) eraseAgain(f eraseFlags) error {
	list, err := readMarkers("--from", f.from)
	if err != nil {
		return err
	}
	if yes, err := x.confirm("Erase once more what was erased before?"); !yes || err != nil {
		return err
	}
	e := x.eraser(f.by)
	if e.Workers, err = x.running(e.Workers); err != nil {
		return err
	}
	if len(e.Workers) < len(folders()) {
		x.say("not every worker runs: give this once more when they do, for Redis keeps what they folded until they fold the log again")
	}
	return x.againWith(e, list)
}

// againWith erases once more, and prints what was erased.
func (x *session) againWith(e erase.Eraser, list []erase.Marker) error {
	all, faults := e.Again(x.ctx, list)
	for _, done := range all {
		if err := x.print(done, func() string {
			return fmt.Sprintf("%s: %s erased", done.Extension, plural(uint64(done.Messages), "event"))
		}); err != nil {
			return err
		}
	}
	return errors.Join(faults...)
}

// running are the workers that run, of some. To erase after a restore, none that does not is waited for: it will fold the
// log without what is erased now.
func (x *session) running(workers []string) (run []string, err error) {
	for _, worker := range workers {
		replicas, err := x.observer().Replicas(x.ctx, worker)
		if err != nil {
			return nil, fmt.Errorf("checking whether %s runs: %w", worker, err)
		}
		if len(replicas) > 0 {
			run = append(run, worker)
		}
	}
	return run, nil
}

func readMarkers(flag, name string) (all []erase.Marker, err error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	defer func() { _ = file.Close() }()
	for in := json.NewDecoder(bufio.NewReader(file)); ; {
		var m erase.Marker
		switch err := in.Decode(&m); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("%s %s: it is no list of erasures: %w", flag, name, err)
		}
		all = append(all, m)
	}
}
