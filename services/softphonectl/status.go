package softphonectl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// often is how often --watch may look: each look is a hundred questions to the servers.
const often = 10 * time.Millisecond

func statusCommand(a *app) *cobra.Command {
	var watch bool
	every := 2 * time.Second
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how each worker is: replicas, partitions, lag, dead letters, e-mails waiting",
		Long: "Show how each worker is.\n\n" +
			"  replicas    that answer\n" +
			"  partitions  that one of them owns, of all there are\n" +
			"  lag         events in the log that it has not folded or received yet\n" +
			"  checkpoint  the last event folded, in any partition\n" +
			"  in progress events a worker was given and has not finished: being tried, or waiting for a retry\n\n" +
			"A partition that is refused is shown with the reason. The exit code is 4 when there is a problem:\n" +
			"the log takes no writes, nobody owns a partition, or one is refused, a worker that sends was never started, or a copy of the log is offline.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("every") && !watch {
				return errors.New("--every needs --watch")
			}
			look := a.with(a.open, func(x *session, _ []string) error { return x.look() })
			err := look(c, args)
			if !watch || !seen(err) {
				return err
			}
			for {
				select {
				case <-c.Context().Done():
					return c.Context().Err()
				case <-time.After(every):
				}
				if err := look(c, args); !seen(err) && c.Context().Err() == nil {
					a.say("%v", err) // it may be over the next time
				}
			}
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "refresh until interrupted")
	cmd.Flags().Var(durationFlag(&every, often), "every", "how often to refresh, with --watch")
	return cmd
}

// look is one look at all; its error says what is not well.
func (x *session) look() error {
	if err := x.connectRedis(); err != nil {
		x.say("%v", err) // what NATS knows is shown all the same
	}
	well, err := x.status()
	if err == nil && !well {
		err = codeError{errors.New("problems found"), Differs}
	}
	return err
}

// seen tells whether a look showed how things are, be it well or not.
func seen(err error) bool {
	_, differs := errors.AsType[codeError](err)
	return err == nil || differs
}

// status prints all once, and tells whether all is as it should be.
func (x *session) status() (well bool, err error) {
	log, err := x.logStatus()
	if err != nil {
		return false, err
	}
	if log.leaderless() {
		return false, errNoLeader
	}
	if err := x.print(log, log.text); err != nil {
		return false, err
	}
	there, err := x.folders()
	if err != nil {
		return false, err
	}
	notes := append(log.remarks(), x.unwritable()...)
	well = len(notes) == 0
	rows := [][]string{{"WORKER", "REPLICAS", "PARTITIONS", "LAG", "CHECKPOINT", "IN PROGRESS", "DEAD", "LAST OUTCOME"}}
	for _, f := range there {
		status := x.folderStatus(f)
		if x.ctx.Err() != nil { // nothing was found out
			return false, x.ctx.Err()
		}
		well = well && status.Fault == "" && len(status.Refused) == 0 && status.Owned == status.Partitions
		lag, checkpoint := strconv.FormatUint(status.Lag, 10), strconv.FormatUint(status.Checkpoint, 10)
		if x.redis == nil {
			lag, checkpoint = "?", "?"
		}
		rows = append(rows, []string{
			status.Worker, strconv.Itoa(len(status.Replicas)), fmt.Sprintf("%d/%d", status.Owned, status.Partitions),
			lag, checkpoint, "", dead(status.DeadLetters), last(status.LastOutcome),
		})
		notes = append(notes, remarks(status)...)
		if err := x.object(status); err != nil {
			return false, err
		}
	}
	for _, r := range reactors() {
		status := x.observer().Reactor(x.ctx, r.durable, r.source)
		if x.ctx.Err() != nil {
			return false, x.ctx.Err()
		}
		optional := r.source == "" // see reactors
		well = well && status.Fault == "" && (status.There || optional)
		if status.There || !optional {
			rows = append(rows, []string{
				status.Worker, "", "", strconv.FormatUint(status.Waiting, 10), "", strconv.Itoa(status.InHand),
				dead(status.DeadLetters), last(status.LastOutcome),
			})
		}
		if status.Fault != "" {
			notes = append(notes, status.Worker+": "+status.Fault)
		}
		if !status.There && !optional {
			notes = append(notes, status.Worker+": has never run on this log")
		}
		if err := x.object(status); err != nil {
			return false, err
		}
	}
	return well, x.people(rows, notes)
}

func (x *session) folderStatus(f folder) replay.FolderStatus {
	o := x.observer()
	if x.redis != nil {
		return o.Folder(x.ctx, f.Folder)
	}
	return o.WithoutRedis(x.ctx, f.Folder)
}

// object prints one of --json's objects; people get a table at the end.
func (x *session) object(v any) error {
	if !x.json {
		return nil
	}
	return x.print(v, nil)
}

func (x *session) people(rows [][]string, notes []string) error {
	if x.json {
		return nil
	}
	var b strings.Builder
	if err := table(&b, rows); err != nil {
		return err
	}
	lines := []string{trimLines(b.String())}
	for _, note := range notes {
		lines = append(lines, "! "+note)
	}
	return x.print(nil, func() string { return strings.Join(lines, "\n") })
}

func remarks(s replay.FolderStatus) []string {
	var all []string
	if s.Fault != "" {
		all = append(all, s.Worker+": "+s.Fault)
	}
	for _, refused := range s.Refused {
		all = append(all, s.Worker+" "+refused)
	}
	if s.Owned < s.Partitions {
		all = append(all, fmt.Sprintf("%s: nobody owns %s", s.Worker, plural(uint64(s.Partitions-s.Owned), "partition")))
	}
	return all
}

func dead(n uint64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(n, 10)
}

func last(o *replay.Outcome) string {
	if o == nil {
		return "-"
	}
	return fmt.Sprintf("%s %s (%d)", o.Event, since(o.Time, time.Now()), o.Sequence)
}
