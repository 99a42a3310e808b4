package softphonectl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

func replayCommand(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "replay",
		Short: "Replay the log: compare states and decisions with it, send mail again, copy facts elsewhere",
	}, replayStateCommand(a), replayDecisionsCommand(a), replayMailCommand(a), replayIntoCommand(a))
}

// comparison is `replay state` or `replay decisions`.
type comparison struct {
	*session
	command string // of the journal's name
	things  string // what is compared: state, outcome
	apply   bool
	anew    bool
	run     func(folder, context.Context, replay.Check) (replay.Summary, error)
}

// result of one worker, as --json prints it.
type result struct {
	Worker string `json:"worker"`
	replay.Summary
}

// all compares workers one after the other, and says with its error how it ended.
func (c *comparison) all(workers []folder) error {
	holes, err := replay.Holes(c.ctx, c.log)
	if err != nil {
		return err
	}
	if holes.Messages > 0 {
		c.say("the log has gaps: %s deleted, the first at sequence %d; the replay lacks what they changed",
			plural(holes.Messages, "message")+were(holes.Messages), holes.First)
	}
	var total replay.Summary
	for _, worker := range workers {
		summary, err := c.one(worker)
		if err != nil {
			return err
		}
		total.Add(summary)
	}
	return c.verdict(total)
}

func were(n uint64) string {
	if n == 1 {
		return " was"
	}
	return " were"
}

// verdict turns what was found into an exit code.
func (c *comparison) verdict(s replay.Summary) error {
	left := s.Differences - s.Repaired
	switch {
	case c.apply && left > 0:
		return codeError{fmt.Errorf("%s not repaired", plural(left, "difference")+were(left)), Partly}
	case left > 0:
		return codeError{errors.New(plural(left, "difference")), Differs}
	}
	return nil
}

// one compares the partitions of a worker that an interrupted run has left.
func (c *comparison) one(worker folder) (replay.Summary, error) {
	state, err := c.log.State(c.ctx)
	if err != nil {
		return replay.Summary{}, err
	}
	journal, err := c.openJournal(c.command, worker.Worker, state.Created, c.anew)
	if err != nil {
		return replay.Summary{}, err
	}
	left := journal.left()
	if n := events.Partitions - len(left); n > 0 {
		c.say("%s: continuing after an interrupt: %s of %d are done (--restart starts over)", worker.Worker, plural(uint64(n), "partition"), events.Partitions)
	}
	bar, err := c.barOf(worker, len(left))
	if err != nil {
		return replay.Summary{}, err
	}
	_, err = c.run(worker, c.ctx, replay.Check{
		Log: c.log, Redis: c.redis, Partitions: left, Apply: c.apply,
		Found: func(f replay.Finding) {
			bar.hide()
			_ = c.print(f, f.String)
		},
		Folded: bar.add, Done: journal.done,
	})
	bar.end()
	if err != nil {
		return replay.Summary{}, err
	}
	total := journal.total()
	journal.close()
	return total, c.print(result{worker.Worker, total}, func() string { return c.text(worker.Worker, total) })
}

// barOf is a bar for the events of some partitions.
func (c *comparison) barOf(worker folder, partitions int) (bar, error) {
	if !c.terminal.Draws {
		return bar{}, nil
	}
	var filters []string
	for _, input := range worker.Inputs {
		filters = append(filters, input.Filter(events.AnyPartition))
	}
	n, err := replay.Count(c.ctx, c.log, replay.Range{Filters: filters})
	return c.bar(worker.Worker, n*uint64(partitions)/events.Partitions), err
}

func (c *comparison) text(worker string, s replay.Summary) string {
	text := []string{
		worker + ": " + plural(s.Events, "event") + " folded", plural(s.Compared, c.things) + " compared", plural(s.Differences, "difference"),
	}
	for _, more := range []struct {
		n    uint64
		what string
	}{
		{s.Repaired, "repaired"}, {s.Dead, "undecidable"}, {s.Gone, "without their cause"},
		{s.Undecided, "not decided yet"}, {s.Unfinished, "partitions not compared"},
	} {
		if more.n > 0 {
			text = append(text, fmt.Sprintf("%d %s", more.n, more.what))
		}
	}
	return strings.Join(text, ", ")
}
