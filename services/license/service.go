package license

import (
	"context"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/worker"
)

// Config of the worker, from the environment.
type Config = worker.Config

// Decision is what follows from an event.
type Decision = fold.Decision

// Rules are the worker, without anything to run it on.
func Rules() fold.Rules[State] {
	return fold.Rules[State]{
		Worker: events.License,
		Inputs: events.Inputs(
			events.SoftphoneEnabled{}, events.SoftphoneDisabled{}, events.SoftphoneEmailChanged{}, events.ExtensionDeleted{},
			events.ExtensionErased{},
		),
		Answers: []events.Data{
			events.SoftphoneEnabled{}, events.SoftphoneDisabled{}, events.SoftphoneEmailChanged{}, events.ExtensionDeleted{},
		},
		Decide: Decide,
		Load:   load,
		Save:   save,
	}
}

// Run works until the context ends.
func Run(ctx context.Context, c Config) error { return worker.Run(ctx, c, Rules(), answer) }

func answer(s State, current bool) any {
	a := events.LicenseAnswer{
		Current: current, Active: s.Active, LicenseID: s.LicenseID, Generation: s.Generation,
		DeviceLimit: s.DeviceLimit, Email: s.Email, Username: s.Username, DisplayName: s.DisplayName,
	}
	if !s.GrantedAt.IsZero() {
		a.GrantedAt = &s.GrantedAt
	}
	return a
}
