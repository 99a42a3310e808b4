package softphonectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// entry is an event as --json prints it.
type entry struct {
	Sequence  uint64          `json:"sequence"`
	Stored    time.Time       `json:"stored"` // when the server stored it
	Time      *time.Time      `json:"time,omitempty"`
	Source    string          `json:"source"`
	Tenant    string          `json:"tenant"`
	Extension string          `json:"extension"`
	Event     string          `json:"event"`
	ID        string          `json:"id,omitempty"`
	Actor     *actor          `json:"actor,omitempty"` // who caused it; absent when nobody said, and of an outcome
	Cause     uint64          `json:"cause,omitempty"`
	CauseID   string          `json:"causeId,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
	Fault     string          `json:"fault,omitempty"` // why it is no event of the contract

	words string
	depth int
}

// actor is who caused a fact, as --json prints it.
type actor struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// maxTree bounds what --tree keeps in memory, in events.
const maxTree = 10_000

func eventsCommand(a *app) *cobra.Command {
	var s selection
	var follow, tree bool
	cmd := &cobra.Command{
		Use:   "events [tenant/extension]",
		Short: "List the events in the log, one a line",
		Long: "List the events in the log, one a line: sequence, time stored, extension, source, type, and who did it where the\n" +
			"portal recorded it.\n\n" +
			"The server filters, so the length of the log does not matter. Messages that are no event are listed too, with\n" +
			"what is wrong with them.",
		Example: `  softphonectl events acme/1001 --tree
  softphonectl events --type EmailFailed --since 24h
  softphonectl events --source license --follow --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.open, func(x *session, args []string) error {
			if len(args) == 1 {
				if _, err := s.one(args); err != nil {
					return err
				}
			}
			r, err := s.ranged(time.Now())
			if err != nil {
				return err
			}
			if err := s.known(x); err != nil {
				return err
			}
			if tree && follow {
				return usageError{errors.New("--tree and --follow: use one of them; --tree needs the outcomes, which --follow has not seen yet")}
			}
			r.Follow = follow
			if tree {
				return x.tree(r)
			}
			return replay.Scan(x.ctx, x.log, r, func(m eventlog.Message) error { return x.printEntry(entryOf(m)) })
		}),
	}
	s.whom(cmd)
	s.what(cmd)
	s.when(cmd)
	s.where(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "keep running and print new events")
	cmd.Flags().BoolVar(&tree, "tree", false, "indent outcomes under their cause")
	return cmd
}

// entryOf reads a message, whatever it is.
func entryOf(m eventlog.Message) entry {
	x := m.Extension()
	e := entry{
		Sequence: m.Sequence, Stored: m.Time.UTC(), Source: m.Source(), Tenant: x.Tenant, Extension: x.Number, Event: m.Name(),
		CauseID: m.Header.Get(events.HeaderCauseID),
	}
	e.Cause, _ = strconv.ParseUint(m.Header.Get(events.HeaderCause), 10, 64) // 0: a fact, or nobody knows
	event, err := events.Decode(m.Subject, m.Data)
	if err == nil {
		e.Data, err = event.EncodeData()
	}
	if err != nil {
		e.Fault = err.Error()
		e.words = "not readable: " + e.Fault
		return e
	}
	e.ID, e.Time, e.words = event.ID, &event.Time, said(event.Data)
	if by := event.By(); by.Kind != "" {
		e.Actor = &actor{Kind: by.Kind, ID: by.ID, Name: by.Name}
		if by.Kind != events.ActorCore { // which the source says
			e.words = strings.TrimPrefix(e.words+", by "+by.String(), ", ")
		}
	}
	return e
}

func (a *app) printEntry(e entry) error { return a.print(e, e.text) }

func (e entry) text() string {
	branch := ""
	if e.depth > 0 {
		branch = strings.Repeat("   ", e.depth-1) + "└─ "
	}
	line := fmt.Sprintf("%8d  %s  %-16s %-15s %s%s %s", e.Sequence, e.Stored.Format("2006-01-02 15:04:05.000"),
		e.Tenant+"/"+e.Extension, e.Source, branch, e.Event, e.words)
	return strings.TrimRight(line, " ")
}

// tree prints a range with outcomes under their causes. What a range does not
// have the cause of stands for itself.
func (x *session) tree(r replay.Range) error {
	var all []entry
	at := map[uint64]bool{}
	err := replay.Scan(x.ctx, x.log, r, func(m eventlog.Message) error {
		if len(all) == maxTree {
			return usageError{fmt.Errorf("--tree: more than %d events: choose fewer with --extension, --since or --limit", maxTree)}
		}
		all = append(all, entryOf(m))
		at[m.Sequence] = true
		return nil
	})
	if err != nil {
		return err
	}
	under := map[uint64][]entry{} // 0: roots
	for _, e := range all {
		cause := e.Cause
		if !at[cause] || cause >= e.Sequence {
			cause = 0
		}
		under[cause] = append(under[cause], e)
	}
	return x.branches(under, 0, 0)
}

func (x *session) branches(under map[uint64][]entry, cause uint64, depth int) error {
	for _, e := range under[cause] {
		e.depth = depth
		if err := x.printEntry(e); err != nil {
			return err
		}
		if err := x.branches(under, e.Sequence, depth+1); err != nil {
			return err
		}
	}
	return nil
}
