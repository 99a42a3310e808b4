package softphonectl

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

func rebuildCommand(a *app) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "rebuild <worker>",
		Short: "Drop a worker's state in Redis, and watch it fold the log again",
		Long: "Drop a worker's state in Redis: its checkpoints and states. The running worker notices within seconds and folds\n" +
			"the log from its start. Nothing is published again and no e-mail is sent again. Until it is done, the worker answers that\n" +
			"it is not current, and sign-ins on devices with a seat wait for its decision.\n\n" +
			"For drills, and for state that `replay state --apply` does not repair: its checkpoint is damaged, or not of this log.\n\n" +
			"The workers: " + strings.Join(folderNames(), ", ") + ".",
		Args: func(_ *cobra.Command, names []string) error {
			if len(names) != 1 {
				return errors.New("a worker is required: one of " + strings.Join(folderNames(), ", "))
			}
			return nil
		},
		ValidArgs: folderNames(),
		RunE: a.with(a.openBoth, func(x *session, args []string) error {
			workers, err := x.foldersNamed(args)
			if err != nil {
				return err
			}
			return x.rebuild(workers[0], wait)
		}),
	}
	cmd.Flags().BoolVar(&wait, "wait", true, "wait until the worker has folded everything")
	return cmd
}

// rebuilt is the result, as --json prints it.
type rebuilt struct {
	Worker  string  `json:"worker"`
	States  uint64  `json:"states"`  // forgotten
	Events  uint64  `json:"events"`  // to fold again
	Seconds float64 `json:"seconds"` // until it was done
	Done    bool    `json:"done"`
}

func (x *session) rebuild(worker folder, wait bool) error {
	var filters []string
	for _, input := range worker.Inputs {
		filters = append(filters, input.Filter(events.AnyPartition))
	}
	n, err := replay.Count(x.ctx, x.log, replay.Range{Filters: filters})
	if err != nil {
		return err
	}
	result := rebuilt{Worker: worker.Worker, Events: n}
	if x.dryRun {
		return x.print(result, func() string {
			return fmt.Sprintf("would drop the state of %s; it would fold %s again", worker.Worker, plural(n, "event"))
		})
	}
	yes, err := x.confirm(fmt.Sprintf("Drop the state of %s, so that it folds %s again?", worker.Worker, plural(n, "event")))
	if !yes || err != nil {
		return err
	}
	started := time.Now()
	if result.States, err = x.forget(worker.Worker); err != nil {
		return err
	}
	if status := x.observer().Folder(x.ctx, worker.Folder); wait && len(status.Replicas) == 0 {
		x.say("no replica of %s is running: it folds the log when one is started", worker.Worker)
		wait = false
	}
	if wait {
		if err := x.heal(worker, n); err != nil {
			return err
		}
		result.Seconds, result.Done = time.Since(started).Seconds(), true
	}
	return x.print(result, result.text)
}

func (r rebuilt) text() string {
	if !r.Done {
		return fmt.Sprintf("%s: %s dropped, %s to fold again", r.Worker, plural(r.States, "state"), plural(r.Events, "event"))
	}
	return fmt.Sprintf("%s: %s dropped, %s folded again in %.1f s", r.Worker, plural(r.States, "state"), plural(r.Events, "event"), r.Seconds)
}

// forget removes a worker's checkpoints, and with each all states of its partition:
// these are listed before, as their owners notice within a second, begin anew, all at
// the same time, and must find none.
func (x *session) forget(worker string) (n uint64, err error) {
	var states [events.Partitions][]events.Extension
	if err := fold.Extensions(x.ctx, x.redis, worker, func(partition int, some []events.Extension) error {
		states[partition] = append(states[partition], some...)
		n += uint64(len(some))
		return nil
	}); err != nil {
		return 0, err
	}
	for p, some := range states {
		if err := x.reset(fold.StatesOf(x.redis, worker, p), some); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (x *session) reset(of fold.States, states []events.Extension) error {
	for {
		at, err := of.Checkpoint(x.ctx)
		switch {
		case err == nil:
			err = of.Reset(x.ctx, at, states)
		case errors.Is(err, fold.ErrDamaged):
			err = of.Discard(x.ctx, states)
		}
		if !errors.Is(err, fold.ErrMoved) { // under load it takes a few tries
			return err
		}
	}
}

// glance is how often rebuild looks how far the worker is: a few reads of Redis.
const glance = 200 * time.Millisecond

// heal waits until the worker has folded everything that is in the log now.
func (x *session) heal(worker folder, total uint64) error {
	ends, err := x.observer().Progress(x.ctx, worker.Folder)
	if err != nil {
		return err
	}
	bar := x.bar(worker.Worker, total)
	defer bar.end()
	shown := uint64(0)
	for {
		select {
		case <-x.ctx.Done():
			return x.ctx.Err()
		case <-time.After(glance):
		}
		share, err := ends.Folded(x.ctx)
		if err != nil || share == 1 {
			return err
		}
		if done := uint64(share * float64(total)); done > shown {
			bar.add(int(done - shown))
			shown = done
		}
	}
}
