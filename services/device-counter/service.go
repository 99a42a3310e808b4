package devicecounter

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
		Worker:  events.DeviceCounter,
		Inputs:  events.Inputs(events.LicenseGranted{}, events.LicenseRevoked{}, events.SoftphoneDisabled{}, events.ExtensionDeleted{}, events.DeviceSignedIn{}, events.DeviceRemoved{}, events.ExtensionErased{}),
		Answers: []events.Data{events.DeviceSignedIn{}, events.DeviceRemoved{}},
		Decide:  Decide,
		Load:    load,
		Save:    save,
	}
}

// Run works until the context ends.
func Run(ctx context.Context, c Config) error { return worker.Run(ctx, c, Rules(), answer) }

func answer(s State, current bool) any {
	devices := s.Devices
	if devices == nil {
		devices = Devices{} // [] rather than null
	}
	return events.DevicesAnswer{Current: current, LicenseID: s.LicenseID, Used: len(devices), Limit: s.Limit, Devices: devices}
}
