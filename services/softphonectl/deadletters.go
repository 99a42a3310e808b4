package softphonectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// letters are the dead letters that flags or arguments choose.
type letters struct {
	worker, tenant, reason string
	all                    bool
	limit                  uint64
}

func deadLettersCommand(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "dead-letters",
		Short: "What workers could not process: list, show, retry, drop",
		Long: "What workers could not process. A dead letter's ID is its worker, its log and its sequence there, as `list` prints it.\n\n" +
			"A dead event stays dead: `retry` publishes a new event with the same content.",
	}, listLetters(a), showLetter(a), retryLetters(a), dropLetters(a))
}

func (l *letters) flags(c *cobra.Command) {
	names := folderNames()
	for _, r := range reactors() {
		names = append(names, r.durable)
	}
	c.Flags().Var(nameFlag(&l.worker, names), "worker", "only of this worker: "+strings.Join(names, ", "))
	c.Flags().StringVar(&l.tenant, "tenant", "", "only of this tenant")
	c.Flags().StringVar(&l.reason, "reason", "", "only whose reason contains this")
	_ = c.RegisterFlagCompletionFunc("worker", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

func listLetters(a *app) *cobra.Command {
	var l letters
	cmd := &cobra.Command{
		Use: "list", Short: "List dead letters, the oldest first", Args: cobra.NoArgs,
		RunE: a.with(a.open, func(x *session, _ []string) error {
			return l.each(x, func(d replay.DeadLetter) error { return x.print(d, func() string { return letterLine(d) }) })
		}),
	}
	l.flags(cmd)
	cmd.Flags().Var(countFlag(&l.limit), "limit", "maximum number")
	return cmd
}

func letterLine(d replay.DeadLetter) string {
	return fmt.Sprintf("%s  %s  %s  %s  %s", d.ID, stamp(d.At), d.Key, d.Subject[strings.LastIndexByte(d.Subject, '.')+1:], d.Reason)
}

// each calls f with those chosen by flags.
func (l *letters) each(x *session, f func(replay.DeadLetter) error) error {
	n := uint64(0)
	err := replay.DeadLetters(x.ctx, x.log.JetStream(), l.worker, func(d replay.DeadLetter) error {
		if l.tenant != "" && !strings.HasPrefix(d.Key, l.tenant+"/") || !strings.Contains(d.Reason, l.reason) {
			return nil
		}
		if n++; l.limit > 0 && n > l.limit {
			return replay.ErrStop
		}
		return f(d)
	})
	if errors.Is(err, replay.ErrStop) {
		return nil
	}
	return err
}

// chosen are those named, or those that flags choose when there are any.
func (l *letters) chosen(x *session, ids []string) ([]replay.DeadLetter, error) {
	var all []replay.DeadLetter
	switch chosen := l.all || l.worker != "" || l.tenant != "" || l.reason != ""; {
	case chosen && len(ids) > 0:
		return nil, usageError{errors.New("name dead letters by ID or choose them with flags, not both")}
	case !chosen && len(ids) == 0:
		return nil, usageError{errors.New("name dead letters by ID, choose them with --worker, --tenant or --reason, or pass --all")}
	case chosen:
		err := l.each(x, func(d replay.DeadLetter) error { all = append(all, d); return nil })
		return all, err
	}
	for _, id := range ids {
		d, err := replay.FindDeadLetter(x.ctx, x.log.JetStream(), id)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// shown is a dead letter with its original, as --json prints it.
type shown struct {
	replay.DeadLetter
	Original   json.RawMessage `json:"original,omitempty"`
	Original64 []byte          `json:"original64,omitempty"` // when it is not JSON
}

func showLetter(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show ID...", Short: "Show dead letters with the original event and the reason", Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.open, func(x *session, ids []string) error {
			found, err := (&letters{}).chosen(x, ids)
			if err != nil {
				return err
			}
			for _, d := range found {
				s := shown{DeadLetter: d, Original: d.Body}
				if !json.Valid(d.Body) {
					s.Original, s.Original64 = nil, d.Body
				}
				if err := x.print(s, func() string { return letterText(d) }); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func letterText(d replay.DeadLetter) string {
	body := string(d.Body)
	if !json.Valid(d.Body) {
		body = fmt.Sprintf("%q", d.Body)
	}
	return fmt.Sprintf("%s\n  extension  %s\n  event      %s, sequence %d\n  given up   %s, after %s\n  reason     %s\n  original   %s",
		d.ID, d.Key, d.Subject, d.Sequence, stamp(d.At), plural(uint64(d.Attempts), "attempt"), d.Reason, body)
}

func retryLetters(a *app) *cobra.Command {
	var l letters
	cmd := &cobra.Command{
		Use:   "retry [ID...]",
		Short: "Publish dead letters again as new events, and drop them",
		Long: "Publish dead letters again as new events, and drop them. The time of a new event is now; its ID follows from the\n" +
			"dead letter's, so repeating the command publishes nothing twice.\n\n" +
			"  a fact                 is republished, if it can be read by now\n" +
			"  an e-mail of a license is requested with a WelcomeEmailRequested\n" +
			"  a name to push         is republished as an ExtensionRenamed\n" +
			"  another outcome        cannot be: only its worker publishes it; `replay state` shows whether a state lacks it",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.open, func(x *session, ids []string) error {
			return l.change(x, ids, "Republish", "republished", func(d replay.DeadLetter) error {
				fact, err := revive(d)
				if err != nil {
					return err
				}
				if x.dryRun {
					return nil
				}
				if err := x.publishFact(fact); err != nil {
					return err
				}
				return replay.DropDeadLetter(x.ctx, x.log.JetStream(), d)
			})
		}),
	}
	l.flags(cmd)
	cmd.Flags().BoolVar(&l.all, "all", false, "all of them")
	return cmd
}

func dropLetters(a *app) *cobra.Command {
	var l letters
	cmd := &cobra.Command{
		Use:   "drop [ID...]",
		Short: "Remove dead letters",
		Long: "Remove dead letters. Their events stay in the log: a worker that folds it from the beginning, after a rebuild,\n" +
			"records them again.",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.open, func(x *session, ids []string) error {
			return l.change(x, ids, "Drop", "dropped", func(d replay.DeadLetter) error {
				if x.dryRun {
					return nil
				}
				return replay.DropDeadLetter(x.ctx, x.log.JetStream(), d)
			})
		}),
	}
	l.flags(cmd)
	cmd.Flags().BoolVar(&l.all, "all", false, "all of them")
	return cmd
}

// changed is what became of a dead letter, as --json prints it.
type changed struct {
	ID   string `json:"id"`
	Done string `json:"done,omitempty"`
	Not  string `json:"not,omitempty"` // why not
}

// change does something to those chosen, after asking.
func (l *letters) change(x *session, ids []string, what, done string, do func(replay.DeadLetter) error) error {
	found, err := l.chosen(x, ids)
	if err != nil || len(found) == 0 {
		return err
	}
	if !x.dryRun {
		if yes, err := x.confirm(what + " " + plural(uint64(len(found)), "dead letter") + "?"); !yes || err != nil {
			return err
		}
	} else {
		done = "would be " + done
	}
	var not uint64
	for _, d := range found {
		c := changed{ID: d.ID, Done: done}
		if err := do(d); err != nil {
			if x.ctx.Err() != nil {
				return err
			}
			not++
			c.Done, c.Not = "", err.Error()
		}
		if err := x.print(c, func() string { return c.ID + ": " + c.Done + c.Not }); err != nil {
			return err
		}
	}
	if not > 0 {
		return codeError{fmt.Errorf("%d of %s not %s", not, plural(uint64(len(found)), "dead letter"), done), Partly}
	}
	return nil
}

// revive is the fact that has a dead letter's effect.
func revive(d replay.DeadLetter) (events.Event, error) {
	dead, err := events.Decode(d.Subject, d.Body)
	if err != nil {
		return events.Event{}, fmt.Errorf("it still cannot be read: %w", err)
	}
	data := dead.Data
	switch said := dead.Data.(type) {
	case events.LicenseGranted, events.LicenseEmailChanged:
		if d.Worker != events.Mailer {
			return events.Event{}, errCannotRetry
		}
		data = events.WelcomeEmailRequested{}
	case events.SoftphoneRenamed:
		data = events.ExtensionRenamed{Name: said.Name}
	}
	if !slices.Contains(events.Facts(), data.EventName()) {
		return events.Event{}, errCannotRetry
	}
	fact := events.NewFact(dead.Extension, data)
	fact.ID = derivedID(d.At, "retry", d.ID)
	return fact, nil
}

var errCannotRetry = errors.New("only its worker publishes an outcome: `replay state` shows whether a state lacks it")
