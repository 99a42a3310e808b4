package namesync

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/worker"
)

// Config of the worker, from the environment.
type Config struct {
	worker.Config
	Directory Directory
}

// Decision is what follows from an event.
type Decision = fold.Decision

// Rules are the worker, without anything to run it on. It answers a rename only:
// what else it reads is the license worker's to answer.
func Rules() fold.Rules[State] {
	return fold.Rules[State]{
		Worker:  events.NameSync,
		Inputs:  events.Inputs(events.SoftphoneEnabled{}, events.ExtensionRenamed{}, events.ExtensionDeleted{}, events.ExtensionErased{}),
		Answers: []events.Data{events.ExtensionRenamed{}},
		Decide:  Decide,
		Load:    load,
		Save:    save,
	}
}

// Run works until the context ends: it keeps the profiles and, where a directory
// is configured, pushes names there. Each half has its own connection, so that
// neither waits for the other.
func Run(ctx context.Context, c Config) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return worker.Run(ctx, c.Config, Rules(), answer) })
	if c.Directory.URL != "" {
		group.Go(func() error { return pushing(ctx, c) })
	}
	return group.Wait()
}

func answer(s State, current bool) any {
	return events.NameAnswer{Current: current, Name: s.Name, Sequence: s.Sequence}
}
