package softphonectl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/erase"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

func importCommand(a *app) *cobra.Command {
	var facts bool
	var list string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Restore an exported file into an empty log, or copy its facts",
		Long: "Restore an exported file into an empty log. The whole file is checked first, and nothing is written when it is\n" +
			"damaged. Stop the workers meanwhile: they would decide facts whose outcomes are not imported yet.\n" +
			"Start them afterwards. They fold the log, publish nothing again, and no e-mail is sent again.\n\n" +
			"It is safe to re-run: after an interrupt it continues; when all is there it writes nothing.\n\n" +
			"What the file says was erased is not imported. --erased LIST also erases what was erased after the export was made; the\n" +
			"list is the output of `erase --list --json`.\n\n" +
			"--facts copies only the facts, into any log, for its workers to decide, as `replay into` does.",
		Example: "  softphonectl import softphone.ndjson.gz",
		Args:    cobra.ExactArgs(1),
		RunE: a.with(a.open, func(x *session, args []string) error {
			if facts && list != "" {
				return usageError{errors.New("--erased: is not for --facts: erase in the log they are copied to")}
			}
			later, err := readMarkers("--erased", list)
			if err != nil {
				return usageError{err}
			}
			file, erased, err := x.validate(args[0])
			if err != nil {
				return err
			}
			if facts {
				return x.importFacts(args[0], file, erased)
			}
			if err := x.importLog(args[0], file, erased); err != nil || x.dryRun || len(later) == 0 {
				return err
			}
			return x.eraseImported(later)
		}),
	}
	cmd.Flags().BoolVar(&facts, "facts", false, "copy only the facts")
	cmd.Flags().StringVar(&list, "erased", "", "a file that `erase --list --json` made, of what was erased after the export")
	return cmd
}

// maxNotes bounds how many doubtful messages of a file are shown.
const maxNotes = 20

// validate reads all of a file before anything is written.
func (x *session) validate(name string) (replay.Validated, replay.Covered, error) {
	in, err := replay.OpenFile(name)
	if err != nil {
		return replay.Validated{}, nil, usageError{err}
	}
	defer in.Close()
	notes, erased := 0, replay.Covered{}
	file, err := replay.Validate(x.ctx, in, func(m eventlog.Message) error {
		erased.Add(m)
		_, err := events.Decode(m.Subject, m.Data)
		return err
	}, func(m eventlog.Message, err error) {
		if notes++; notes <= maxNotes {
			x.say("sequence %d: %v; it is imported as it is", m.Sequence, err)
		}
	})
	if err != nil {
		return file, nil, fmt.Errorf("%s cannot be imported: %w", name, err)
	}
	if notes > maxNotes {
		x.say("and %d more like these", notes-maxNotes)
	}
	return file, erased, nil
}

func (x *session) importLog(name string, file replay.Validated, erased replay.Covered) error {
	if !file.Whole {
		return usageError{fmt.Errorf("%s is a range of a log: it may lack what its outcomes refer to; --facts copies the facts", name)}
	}
	if err := x.nobodyWorks(); err != nil {
		return err
	}
	if x.dryRun {
		return x.print(file, func() string {
			return fmt.Sprintf("%s is sound: would import %s", name, plural(file.Messages, "message"))
		})
	}
	if yes, err := x.confirm("Import " + plural(file.Messages, "message") + " from " + name + "?"); !yes || err != nil {
		return err
	}
	in, err := replay.OpenFile(name)
	if err != nil {
		return err
	}
	defer in.Close()
	bar := x.bar("importing", file.Messages)
	done, err := replay.Import(x.ctx, x.log, in, erased, bar.add)
	bar.end()
	return errors.Join(x.print(done, func() string {
		return fmt.Sprintf("%s imported, %d already there", plural(done.Written, "message"), done.There)
	}), err)
}

// eraseImported erases what was erased after a file was made. No worker runs, and Redis keeps nothing of this log yet.
func (x *session) eraseImported(list []erase.Marker) error {
	e := erase.Eraser{Log: x.log, By: operator("")}
	return x.againWith(e, list)
}

// nobodyWorks makes sure that no worker would write into the log meanwhile: what
// cannot be found out is no answer.
func (x *session) nobodyWorks() error {
	busy, err := x.running(folderNames())
	if err != nil {
		return err
	}
	for _, r := range reactors() {
		status := x.observer().Reactor(x.ctx, r.durable, "")
		if status.Fault != "" {
			return fmt.Errorf("checking whether %s runs: %s", r.durable, status.Fault)
		}
		if status.Pulling > 0 {
			busy = append(busy, r.durable)
		}
	}
	if len(busy) == 0 {
		return nil
	}
	return fmt.Errorf("stop the workers first: %s would decide what is imported, and send e-mails", strings.Join(busy, ", "))
}

func (x *session) importFacts(name string, file replay.Validated, erased replay.Covered) error {
	if x.dryRun {
		return x.print(file, func() string { return fmt.Sprintf("%s is sound: would copy %s", name, plural(file.Facts, "fact")) })
	}
	question := "Copy " + plural(file.Facts, "fact") + " from " + name + "? The mailer will send welcome e-mails to the addresses in them."
	if yes, err := x.confirm(question); !yes || err != nil {
		return err
	}
	in, err := replay.OpenFile(name)
	if err != nil {
		return err
	}
	defer in.Close()
	copier := &replay.Copy{To: x.log, Created: file.Created}
	copier.Change = func(m eventlog.Message) (events.Event, error) { return change(m, nil, nil) }
	if err := copier.Begin(x.ctx); err != nil {
		return err
	}
	read := func(each func(eventlog.Message) error) error {
		_, err := replay.ReadFile(x.ctx, in, func(m eventlog.Message) error {
			if !events.IsFactSource(m.Source()) || erased.Has(m) {
				return nil
			}
			return each(m)
		})
		return err
	}
	return x.copy(read, copier, file.Facts)
}
